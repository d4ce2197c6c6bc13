// The clock: one time for all clips, in seconds.

export const SPEEDS = [0.1, 0.25, 0.5, 1, 1.5, 2];

export class Player {
  time = 0;
  playing = false;
  loop = true;
  speed = 1;
  private last: number | null = null;

  constructor(
    readonly duration: number,
    /** Frames of the timeline a second: those of the longest clip. */
    readonly fps: number,
  ) {}

  get frame(): number {
    return Math.min(Math.round(this.time * this.fps), this.lastFrame);
  }

  get lastFrame(): number {
    return Math.round(this.duration * this.fps);
  }

  play(): void {
    if (this.time >= this.duration - 1e-6) this.time = 0;
    this.playing = true;
    this.last = null;
  }

  pause(): void {
    this.playing = false;
  }

  /** Pauses on an exact frame; frames outside the clip are taken as its ends. */
  seek(frame: number): void {
    this.pause();
    this.time = Math.min(Math.max(Math.round(frame), 0), this.lastFrame) / this.fps;
  }

  /** Moves on to `now` (milliseconds of the display's clock); says whether the time has changed. */
  tick(now: number): boolean {
    if (!this.playing) return false;
    // A hidden tab does not tick; coming back must not jump ahead.
    const passed = this.last === null ? 0 : Math.min((now - this.last) / 1000, 0.25);
    this.last = now;
    this.time += passed * this.speed;
    if (this.time > this.duration) {
      // The last pose is held for a moment before the motion starts again.
      const rest = 0.4;
      if (!this.loop || this.duration === 0) {
        this.time = this.duration;
        this.pause();
      } else if (this.time > this.duration + rest * this.speed) {
        this.time = 0;
      }
    }
    return true;
  }

  /** Steps through the offered speeds. */
  changeSpeed(by: number): void {
    const at = SPEEDS.indexOf(this.speed);
    this.speed = SPEEDS[Math.min(Math.max(at + by, 0), SPEEDS.length - 1)];
  }
}
