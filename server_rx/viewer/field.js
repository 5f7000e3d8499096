// Turns a radio map into what the page asks of it: the value of a pixel, the outage share, the spread of power.

/** A radio map: rows, cols, values in dBm (Float32Array, NaN inside buildings). */
export class Field {
  constructor({ rows, cols, values }) {
    this.rows = rows;
    this.cols = cols;
    this.values = values;
    this.outdoor = values.filter((value) => !Number.isNaN(value)).sort();
  }

  /** dBm at a pixel, NaN inside a building. */
  at(col, row) {
    return this.values[row * this.cols + col];
  }

  /** Outdoor pixels below the threshold: power < threshold_dbm compared as float32, as the receiver does. */
  outageCount(thresholdDbm) {
    const threshold = Math.fround(thresholdDbm);
    let low = 0;
    let high = this.outdoor.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.outdoor[middle] < threshold) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Share of the outdoor pixels in outage, 0..1; NaN when nothing is outdoors. */
  outageShare(thresholdDbm) {
    return this.outageCount(thresholdDbm) / this.outdoor.length;
  }

  /** Median power outdoors in dBm. */
  medianDbm() {
    return this.outdoor[this.outdoor.length >> 1];
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
