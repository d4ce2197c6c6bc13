// Motion files that the page reads: BVH with our joint names, and joint positions as NPY.
import type { Skeleton, Vector } from "./features";

export interface Recording {
  /** (frames, 22, 3), metres, Y up. */
  joints: Float32Array;
  fps: number;
}

export const READS = [".bvh", ".npy"];
const SIZE = 66;

/** The motion in a file. */
export function readRecording(name: string, data: ArrayBuffer, skeleton: Skeleton): Recording {
  const suffix = name.slice(name.lastIndexOf(".")).toLowerCase();
  const read = { ".bvh": () => readBvh(new TextDecoder().decode(data), skeleton), ".npy": () => readNpy(data) }[suffix];
  if (!read) throw new Error(`${name}: expected ${READS.join(" or ")}; \`bimotion convert\` makes them from other files`);
  const found = read();
  if (found.joints.length < 2 * SIZE) throw new Error(`${name}: expected at least two frames`);
  if (!found.joints.every(Number.isFinite)) throw new Error(`${name}: a position is not a finite number`);
  return inMetres(found);
}

/** Bodies taller than 3 m are in centimetres. */
function inMetres({ joints, fps }: Recording): Recording {
  const heights = Array.from({ length: 22 }, (_, joint) => joints[3 * joint + 1]);
  const tall = Math.max(...heights) - Math.min(...heights) > 3;
  return { joints: tall ? joints.map((value) => value / 100) : joints, fps };
}

function readNpy(data: ArrayBuffer): Recording {
  const view = new DataView(data);
  const name = new TextDecoder().decode(data.slice(1, 6));
  if (data.byteLength < 12 || view.getUint8(0) !== 0x93 || name !== "NUMPY") throw new Error("not an NPY file");
  const wide = view.getUint8(6) > 1;
  const start = wide ? 12 : 10;
  const size = wide ? view.getUint32(8, true) : view.getUint16(8, true);
  const header = new TextDecoder("latin1").decode(data.slice(start, start + size));
  const type = /'descr': '<(f[48])'/.exec(header)?.[1];
  const shape = /'shape': \((\d+), 22, 3\)/.exec(header);
  if (!type || !shape || header.includes("'fortran_order': True")) {
    throw new Error("expected joint positions of shape (frames, 22, 3) in single or double precision");
  }
  const body = data.slice(start + size);
  const values = type === "f4" ? new Float32Array(body) : Float32Array.from(new Float64Array(body));
  if (values.length !== Number(shape[1]) * SIZE) throw new Error("the file is cut off");
  return { joints: values, fps: 20 };
}

interface Bone {
  name: string;
  parent: number;
  offset: Vector;
  channels: string[];
}

function readBvh(text: string, skeleton: Skeleton): Recording {
  const [hierarchy, motion] = text.split(/^\s*MOTION\s*$/m);
  if (motion === undefined) throw new Error("not a BVH file: it has no line MOTION");
  const bones = readHierarchy(hierarchy);
  const header = /Frames:\s*(\d+)\s+Frame Time:\s*([\d.eE+-]+)\s*([^]*)/.exec(motion);
  if (!header) throw new Error("not a BVH file: expected Frames and Frame Time after MOTION");
  const frames = Number(header[1]);
  const numbers = header[3].trim().split(/\s+/).map(Number);
  const channels = bones.reduce((sum, bone) => sum + bone.channels.length, 0);
  if (numbers.length !== frames * channels) throw new Error(`expected ${frames} frames of ${channels} numbers, got ${numbers.length}`);
  const index = skeleton.names.map((name) => bones.findIndex((bone) => bone.name.toLowerCase() === name));
  const missing = skeleton.names.filter((_, joint) => index[joint] < 0);
  if (missing.length) {
    throw new Error(`no joint ${missing.slice(0, 3).join(", ")}: \`bimotion convert\` maps other skeletons to the names that this page reads`);
  }
  const joints = new Float32Array(frames * SIZE);
  for (let t = 0; t < frames; t++) {
    const placed = pose(bones, numbers.slice(t * channels, (t + 1) * channels));
    index.forEach((bone, joint) => joints.set(placed[bone], (t * 22 + joint) * 3));
  }
  return { joints, fps: 1 / Number(header[2]) };
}

function readHierarchy(text: string): Bone[] {
  const bones: Bone[] = [];
  const open: number[] = [];
  let ended = false;
  for (const line of text.split("\n").map((each) => each.trim().split(/\s+/))) {
    const [word, ...rest] = line;
    if (word === "ROOT" || word === "JOINT") {
      bones.push({ name: rest.join(" "), parent: open.at(-1) ?? -1, offset: [0, 0, 0], channels: [] });
      ended = false;
    } else if (word === "End") ended = true;
    else if (word === "{") open.push(ended ? -2 : bones.length - 1);
    else if (word === "}") ended = open.pop() === -2 ? false : ended;
    else if (word === "OFFSET" && open.at(-1) !== -2) bones[bones.length - 1].offset = rest.map(Number) as Vector;
    else if (word === "CHANNELS") bones[bones.length - 1].channels = rest.slice(1);
  }
  return bones;
}

type Matrix = [Vector, Vector, Vector];

/** World positions of the bones in one frame. */
function pose(bones: Bone[], numbers: number[]): Vector[] {
  const rotations: Matrix[] = [];
  const positions: Vector[] = [];
  let next = 0;
  for (const { parent, offset, channels } of bones) {
    let rotation: Matrix = [[1, 0, 0], [0, 1, 0], [0, 0, 1]];
    const shift: Vector = [...offset];
    for (const channel of channels) {
      const value = numbers[next++];
      const axis = "XYZ".indexOf(channel[0]);
      if (channel.endsWith("position")) shift[axis] = parent < 0 ? offset[axis] + value : value;
      else rotation = product(rotation, about(axis, (value * Math.PI) / 180));
    }
    if (parent < 0) {
      rotations.push(rotation);
      positions.push(shift);
    } else {
      rotations.push(product(rotations[parent], rotation));
      positions.push(applied(rotations[parent], shift).map((value, axis) => value + positions[parent][axis]) as Vector);
    }
  }
  return positions;
}

function about(axis: number, angle: number): Matrix {
  const [c, s] = [Math.cos(angle), Math.sin(angle)];
  if (axis === 0) return [[1, 0, 0], [0, c, -s], [0, s, c]];
  return axis === 1 ? [[c, 0, s], [0, 1, 0], [-s, 0, c]] : [[c, -s, 0], [s, c, 0], [0, 0, 1]];
}
function product(a: Matrix, b: Matrix): Matrix {
  return a.map((row) => [0, 1, 2].map((j) => row[0] * b[0][j] + row[1] * b[1][j] + row[2] * b[2][j])) as Matrix;
}
function applied(a: Matrix, v: Vector): Vector {
  return a.map((row) => row[0] * v[0] + row[1] * v[1] + row[2] * v[2]) as Vector;
}
