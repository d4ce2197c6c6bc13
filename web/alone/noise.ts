// Normal noise by seed: the numbers that PyTorch draws on a CPU, so that a seed makes the same motion everywhere.

/** 32-bit numbers of the Mersenne Twister (MT19937). */
export class Twister {
  private readonly state = new Uint32Array(624);
  private index = 624;

  constructor(seed: number) {
    this.state[0] = seed >>> 0;
    for (let i = 1; i < 624; i++) {
      const before = this.state[i - 1] ^ (this.state[i - 1] >>> 30);
      this.state[i] = Math.imul(1812433253, before) + i;
    }
  }

  next(): number {
    if (this.index === 624) this.renew();
    let y = this.state[this.index++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  private renew(): void {
    const { state } = this;
    for (let i = 0; i < 624; i++) {
      const y = (state[i] & 0x80000000) | (state[(i + 1) % 624] & 0x7fffffff);
      state[i] = state[(i + 397) % 624] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    this.index = 0;
  }
}

/** `count` (at least 16) normally distributed numbers: `torch.randn(count, generator=Generator().manual_seed(seed))`. */
export function normalNoise(seed: number, count: number): Float32Array {
  const twister = new Twister(seed % 2 ** 32);
  const uniform = (): number => (twister.next() & 0xffffff) / 2 ** 24;
  const out = new Float32Array(count).map(uniform);
  const block = (start: number): void => {
    for (let i = start; i < start + 8; i++) {
      const radius = Math.sqrt(-2 * Math.log(1 - out[i]));
      const angle = 2 * Math.PI * out[i + 8];
      out[i] = radius * Math.cos(angle);
      out[i + 8] = radius * Math.sin(angle);
    }
  };
  for (let start = 0; start + 16 <= count; start += 16) block(start);
  if (count % 16) {
    for (let i = count - 16; i < count; i++) out[i] = uniform();
    block(count - 16);
  }
  return out;
}
