// The colour map of the receiver's PNGs, so that the bar beside a map means what the map shows.

// Sixteen stops of viridis (matplotlib, CC0), evenly spaced.
const STOPS = "440154 481a6c 472f7d 414487 39568c 31688e 2a788e 23888e 1f988b 22a884 35b779 54c568 7ad151 a5db36 d2e21b fde725"
  .split(" ").map((stop) => [0, 2, 4].map((at) => Number.parseInt(stop.slice(at, at + 2), 16)));

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
