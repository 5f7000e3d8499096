// The colour map of the receiver's PNGs, so that the bar beside a map means what the map shows.

const STOPS = [
  [68, 1, 84], [72, 40, 120], [62, 73, 137], [49, 104, 142], [38, 130, 142],
  [31, 158, 137], [53, 183, 121], [110, 206, 88], [181, 222, 43], [253, 231, 37],
];

/** [red, green, blue] of a value scaled to 0..1, linear between the stops. */
export function colour(share) {
  const place = Math.max(0, Math.min(1, share)) * (STOPS.length - 1);
  const left = Math.min(STOPS.length - 2, Math.floor(place));
  return STOPS[left].map((from, channel) => Math.round(from + (place - left) * (STOPS[left + 1][channel] - from)));
}

/** Paints the bar, lowest power at the left, onto a canvas of 256 x 1 pixels. */
export function paintBar(canvas) {
  canvas.width = 256;
  canvas.height = 1;
  const context = canvas.getContext("2d");
  for (let x = 0; x < 256; x += 1) {
    context.fillStyle = `rgb(${colour(x / 255).join(" ")})`;
    context.fillRect(x, 0, 1, 1);
  }
}
