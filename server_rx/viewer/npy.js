// Turns the bytes of an .npy file into rows, columns and a Float32Array, the array the receiver serves as it is.

const MAGIC = "\x93NUMPY";

/**
 * buffer   ArrayBuffer of an .npy file, version 1 to 3, float32 little-endian, C order, two dimensions
 * returns  {rows, cols, values} with values row by row, row 0 = north
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
  if (kind !== "<f4" || order !== "False" || !shape) throw new Error(`expected a 2-D little-endian float32 array, got ${header.trim()}`);
  const rows = Number(shape[1]);
  const cols = Number(shape[2]);
  if (bytes.length - end < rows * cols * 4) throw new Error(`the .npy file holds fewer than ${rows} x ${cols} values`);
  const values = new Float32Array(rows * cols);
  for (let i = 0; i < values.length; i += 1) values[i] = view.getFloat32(end + 4 * i, true);
  return { rows, cols, values };
}
