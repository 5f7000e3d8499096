// Turns a radio map into what the page asks of it: the value of a pixel, the outage share, the spread of power.

const ROUNDING_DB = 0.01; // of sums over transmitters, as the receiver allows for

/** A radio map: rows, cols, values in dBm (Float32Array, NaN inside buildings); at floorDbm the power is not known. */
export class Field {
  constructor({ rows, cols, values }, floorDbm) {
    this.rows = rows;
    this.cols = cols;
    this.values = values;
    this.unheardDbm = Math.fround(floorDbm + ROUNDING_DB);
    this.outdoor = values.filter((value) => !Number.isNaN(value));
  }

  /** dBm at a pixel, NaN inside a building. */
  at(col, row) {
    return this.values[row * this.cols + col];
  }

  /** 1 where received power is below the threshold or unknown, compared as float32 as the receiver does; else 0. */
  outage(thresholdDbm) {
    const threshold = Math.fround(thresholdDbm);
    return Uint8Array.from(this.values, (value) => Number(value < threshold || value <= this.unheardDbm));
  }

  /** Share of the outdoor pixels that an outage mask holds, 0..1; NaN when nothing is outdoors. */
  share(mask) {
    return mask.reduce((sum, out) => sum + out, 0) / this.outdoor.length;
  }

  /** Counts of outdoor pixels in equal bins of lowDbm..highDbm; what lies outside is counted at the ends. */
  histogram(lowDbm, highDbm, bins) {
    const counts = new Array(bins).fill(0);
    for (const value of this.outdoor) {
      const bin = Math.floor(((value - lowDbm) / (highDbm - lowDbm)) * bins);
      counts[Math.max(0, Math.min(bins - 1, bin))] += 1;
    }
    return counts;
  }
}
