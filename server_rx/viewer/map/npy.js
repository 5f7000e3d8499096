// Turns the bytes of an .npy file into rows, columns and a typed array, the arrays the receiver serves as they are.

const MAGIC = "\x93NUMPY";
const KINDS = {
  "<f4": [Float32Array, (view, at) => view.getFloat32(at, true)],
  "|b1": [Uint8Array, (view, at) => view.getUint8(at)],
};

/**
 * buffer   ArrayBuffer of an .npy file, version 1 to 3, C order, two dimensions, float32 little-endian or bool
 * returns  {rows, cols, values} with values row by row, row 0 = north: a Float32Array, or a Uint8Array of 0 and 1
 * throws   Error saying what is wrong with the file
 */
export function parseNpy(buffer) {
  const bytes = new Uint8Array(buffer);
  if (bytes.length < 12 || String.fromCharCode(...bytes.subarray(0, 6)) !== MAGIC) throw new Error("not an .npy file");
  const view = new DataView(buffer);
  const wide = bytes[6] >= 2;
  const start = wide ? 12 : 10;
  const end = start + (wide ? view.getUint32(8, true) : view.getUint16(8, true));
  if (end > bytes.length) throw new Error("the .npy header is cut short");
  const header = new TextDecoder("latin1").decode(bytes.subarray(start, end));
  const kind = /'descr'\s*:\s*'([^']*)'/.exec(header)?.[1];
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(header)?.[1];
  const shape = /'shape'\s*:\s*\(\s*(\d+)\s*,\s*(\d+)\s*,?\s*\)/.exec(header);
  if (!Object.hasOwn(KINDS, kind) || order !== "False" || !shape) throw new Error(`expected a 2-D array of float32 or bool, got ${header.trim()}`);
  const [Values, read] = KINDS[kind];
  const rows = Number(shape[1]);
  const cols = Number(shape[2]);
  const size = Values.BYTES_PER_ELEMENT;
  if (bytes.length - end < rows * cols * size) throw new Error(`the .npy file holds fewer than ${rows} x ${cols} values`);
  const values = new Values(rows * cols);
  for (let i = 0; i < values.length; i += 1) values[i] = read(view, end + size * i);
  return { rows, cols, values };
}
