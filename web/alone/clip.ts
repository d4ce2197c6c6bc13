// Joint positions as what the viewer plays, and as a file to download.
import type { ClipData } from "../src/data";

/** Data for the viewer: positions in 16-bit steps, the lowest joint on the floor. */
export function clipData(joints: Float32Array, fps: number, caption: string, label: string): ClipData {
  const low: [number, number, number] = [Infinity, Infinity, Infinity];
  let high = -Infinity;
  joints.forEach((value, i) => {
    low[i % 3] = Math.min(low[i % 3], value);
  });
  joints.forEach((value, i) => {
    high = Math.max(high, value - low[i % 3]);
  });
  const step = Math.max(high / 65535, 1e-9);
  const steps = new Uint16Array(joints.length);
  joints.forEach((value, i) => (steps[i] = Math.round((value - low[i % 3]) / step)));
  const bytes = new Uint8Array(steps.buffer);
  let text = "";
  for (let i = 0; i < bytes.length; i += 4096) text += String.fromCharCode(...bytes.subarray(i, i + 4096));
  const origin: [number, number, number] = [low[0], 0, low[2]];
  return { name: "", caption, label, fps, frames: joints.length / 66, files: {}, origin, step, joints: btoa(text) };
}

/** The positions as an NPY file, which `bimotion convert` turns into BVH, GLB and others. */
export function npyFile(joints: Float32Array): Blob {
  const header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${joints.length / 66}, 22, 3), }`;
  const padded = header.padEnd(Math.ceil((10 + header.length + 1) / 64) * 64 - 11) + "\n";
  const start = new Uint8Array(10 + padded.length);
  start.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, padded.length & 255, padded.length >> 8]);
  start.set(new TextEncoder().encode(padded), 10);
  return new Blob([start, joints as Float32Array<ArrayBuffer>], { type: "application/octet-stream" });
}
