// HumanML3D features (263 a frame, 20 frames per second) to joint positions and back; see src/bimotion/features.

/** The body that features describe, as `bimotion.json` has it. */
export interface Skeleton {
  names: string[];
  parents: number[];
  /** Unit direction of the bone that ends in each joint when nothing is rotated. */
  directions: Vector[];
  /** Length of that bone, metres. */
  lengths: number[];
}

export const COLUMNS = 263;
const JOINTS = 22;
const RIC = 4;
const ROT6D = 67;
const LOCAL_VELOCITY = 193;
const CONTACTS = 259;
const CONTACT_JOINTS = [7, 10, 8, 11];
const CONTACT_THRESHOLD = 0.002;
const SMOOTHING = 20;
/** Joints whose rotation is seen from the root: hips, lowest spine joint, collars. */
const FROM_ROOT = new Set([1, 2, 3, 13, 14]);

export type Vector = [number, number, number];

/** Joint positions (frames, 22, 3) in metres, from the origin, facing +Z. */
export function featuresToJoints(features: Float32Array): Float32Array {
  const frames = features.length / COLUMNS;
  const joints = new Float32Array(frames * JOINTS * 3);
  let angle = 0;
  let [x, z] = [0, 0];
  for (let t = 0; t < frames; t++) {
    const row = features.subarray(t * COLUMNS, (t + 1) * COLUMNS);
    if (t > 0) {
      const before = features.subarray((t - 1) * COLUMNS, t * COLUMNS);
      angle -= 2 * before[0];
      const [stepX, , stepZ] = turned([before[1], 0, before[2]], angle);
      x += stepX;
      z += stepZ;
    }
    joints.set([x, row[3], z], t * JOINTS * 3);
    for (let joint = 1; joint < JOINTS; joint++) {
      const at = RIC + 3 * (joint - 1);
      const [jx, jy, jz] = turned([row[at], row[at + 1], row[at + 2]], angle);
      joints.set([jx + x, jy, jz + z], (t * JOINTS + joint) * 3);
    }
  }
  return joints;
}

/** Features (frames - 1, 263) of joint positions at 20 frames per second, on the skeleton that the model knows. */
export function jointsToFeatures(positions: Float32Array, skeleton: Skeleton): Float32Array {
  const joints = onSkeleton(positions, skeleton);
  const { parents } = skeleton;
  const frames = joints.length / (JOINTS * 3);
  const at = (t: number, joint: number): Vector => vector(joints, t * JOINTS + joint);
  const first = facing(joints, 0);
  const floor = joints.reduce((low, value, i) => (i % 3 === 1 ? Math.min(low, value) : low), Infinity);
  const [originX, , originZ] = at(0, 0);
  for (let i = 0; i < frames * JOINTS; i++) {
    const [x, y, z] = vector(joints, i);
    joints.set(turned([x - originX, y - floor, z - originZ], -first), 3 * i);
  }
  const heading = smooth(unwrapped(Array.from({ length: frames }, (_, t) => facing(joints, t))));
  const out = new Float32Array((frames - 1) * COLUMNS);
  for (let t = 0; t + 1 < frames; t++) {
    const row = out.subarray(t * COLUMNS, (t + 1) * COLUMNS);
    const root = at(t, 0);
    row[0] = -(heading[t + 1] - heading[t]) / 2;
    const step = turned(minus(at(t + 1, 0), root), -heading[t + 1]);
    row.set([step[0], step[2], root[1]], 1);
    const rotations: Vector[][] = [[]];
    for (let joint = 1; joint < JOINTS; joint++) {
      const [x, y, z] = at(t, joint);
      row.set(turned([x - root[0], y, z - root[2]], -heading[t]), RIC + 3 * (joint - 1));
      rotations.push(shortestRotation(skeleton.directions[joint], minus([x, y, z], at(t, parents[joint]))));
    }
    for (let joint = 1; joint < JOINTS; joint++) {
      const parent = FROM_ROOT.has(joint) ? null : rotations[parents[joint]];
      const local = [0, 1].map((i) => {
        const column = rotations[joint][i];
        return parent ? parent.map((axis) => dot(axis, column)) : turned(column, -heading[t]);
      });
      row.set(local.flat(), ROT6D + 6 * (joint - 1));
    }
    for (let joint = 0; joint < JOINTS; joint++) {
      row.set(turned(minus(at(t + 1, joint), at(t, joint)), -heading[t]), LOCAL_VELOCITY + 3 * joint);
    }
    CONTACT_JOINTS.forEach((joint, i) => {
      const foot = minus(at(t + 1, joint), at(t, joint));
      row[CONTACTS + i] = dot(foot, foot) < CONTACT_THRESHOLD ? 1 : 0;
    });
  }
  return out;
}

/** Joint positions at another frame rate, linear between frames. */
export function resampled(joints: Float32Array, from: number, to: number): Float32Array {
  const size = JOINTS * 3;
  const frames = joints.length / size;
  const count = Math.floor(((frames - 1) / from) * to + 1e-6) + 1;
  const out = new Float32Array(count * size);
  for (let t = 0; t < count; t++) {
    const exact = Math.min((t / to) * from, frames - 1);
    const low = Math.floor(exact);
    const weight = exact - low;
    const high = Math.min(low + 1, frames - 1);
    for (let i = 0; i < size; i++) out[t * size + i] = joints[low * size + i] * (1 - weight) + joints[high * size + i] * weight;
  }
  return out;
}

/** Bones keep their directions and get the lengths of the skeleton that the model knows; the path scales with the legs. */
function onSkeleton(positions: Float32Array, { parents, directions, lengths }: Skeleton): Float32Array {
  const legs = [5, 8].reduce((sum, joint) => sum + length(minus(vector(positions, joint), vector(positions, parents[joint]))), 0);
  if (!(legs > 0)) throw new Error("right hip, knee and ankle coincide in the first frame, so that the size of the body is unknown");
  const scale = (lengths[5] + lengths[8]) / legs;
  const out = new Float32Array(positions.length);
  for (let start = 0; start < positions.length / 3; start += JOINTS) {
    out.set(vector(positions, start).map((value) => value * scale), start * 3);
    for (let joint = 1; joint < JOINTS; joint++) {
      const bone = minus(vector(positions, start + joint), vector(positions, start + parents[joint]));
      const size = length(bone);
      const direction = size > 0 ? bone.map((value) => value / size) : directions[joint];
      const parent = vector(out, start + parents[joint]);
      out.set(direction.map((value, axis) => parent[axis] + value * lengths[joint]), (start + joint) * 3);
    }
  }
  return out;
}

/** Angle about +Y from +Z to where the body faces in a frame. */
function facing(joints: Float32Array, frame: number): number {
  const [rightHip, leftHip, rightShoulder, leftShoulder] = [2, 1, 17, 16].map((joint) => vector(joints, frame * JOINTS + joint));
  const x = rightHip[0] - leftHip[0] + rightShoulder[0] - leftShoulder[0];
  const z = rightHip[2] - leftHip[2] + rightShoulder[2] - leftShoulder[2];
  return Math.hypot(x, z) > 1e-6 ? Math.atan2(z, -x) : 0;
}

function unwrapped(angles: number[]): number[] {
  const out = [angles[0]];
  for (let t = 1; t < angles.length; t++) {
    const step = angles[t] - angles[t - 1];
    out.push(out[t - 1] + step - 2 * Math.PI * Math.round(step / (2 * Math.PI)));
  }
  return out;
}

/** Gaussian over 20 frames' deviation; the first and the last value hold beyond the ends. */
function smooth(values: number[]): number[] {
  const radius = 4 * SMOOTHING;
  const kernel = Array.from({ length: 2 * radius + 1 }, (_, i) => Math.exp(-0.5 * ((i - radius) / SMOOTHING) ** 2));
  const total = kernel.reduce((a, b) => a + b);
  return values.map((_, t) =>
    kernel.reduce((sum, weight, i) => sum + (weight / total) * values[Math.min(Math.max(t + i - radius, 0), values.length - 1)], 0),
  );
}

/** Columns of the shortest rotation from the unit vector `rest` to the direction of `bone`. */
function shortestRotation(rest: Vector, bone: Vector): Vector[] {
  const size = length(bone);
  const u = size > 0 ? (bone.map((value) => value / size) as Vector) : rest;
  let m = rest.map((value, axis) => value + u[axis]) as Vector;
  let mm = dot(m, m);
  if (mm < 1e-13) [m, mm] = [[Math.abs(rest[2]), Math.abs(rest[0]), Math.abs(rest[1])], 1];
  return [0, 1, 2].map(
    (i) => [0, 1, 2].map((axis) => (axis === i ? 1 : 0) - ((2 * m[i]) / mm) * m[axis] + 2 * rest[i] * u[axis]) as Vector,
  );
}

function vector(values: Float32Array, index: number): Vector {
  return [values[3 * index], values[3 * index + 1], values[3 * index + 2]];
}
function minus(a: number[], b: number[]): Vector {
  return [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
}
function dot(a: number[], b: number[]): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}
function length(a: number[]): number {
  return Math.sqrt(dot(a, a));
}
/** A vector turned about +Y. */
function turned([x, y, z]: Vector, angle: number): Vector {
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  return [x * cos + z * sin, y, z * cos - x * sin];
}
