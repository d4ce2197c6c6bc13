// The body as three.js meshes: tapered limbs and ellipsoids, with a head that shows where it looks.
import {
  BufferGeometry,
  Color,
  Group,
  InstancedMesh,
  LatheGeometry,
  Matrix4,
  Mesh,
  MeshBasicMaterial,
  MeshStandardMaterial,
  Quaternion,
  SphereGeometry,
  Vector2,
  Vector3,
} from "three";
import { bodyPoints, bodyScale, CONES, ELLIPSOIDS, NUM_POINTS, type Colour, type Frame } from "./skeleton";
import type { MotionClip } from "./data";

export type BodyColours = Record<Colour, string>;

const UP = new Vector3(0, 1, 0);

/** Two spheres and the cone tangent to both, along +Y from the first sphere's centre at the origin. */
function roundCone(length: number, ra: number, rb: number): BufferGeometry {
  const tangent = Math.acos(Math.min(Math.max((ra - rb) / length, -1), 1)); // angle from +Y where the cone touches
  const profile: Vector2[] = [];
  const arc = (radius: number, height: number, from: number, to: number, steps: number): void => {
    for (let i = 0; i <= steps; i++) {
      const angle = from + ((to - from) * i) / steps;
      profile.push(new Vector2(Math.max(radius * Math.sin(angle), 0), height + radius * Math.cos(angle)));
    }
  };
  arc(ra, 0, Math.PI, tangent, 10);
  arc(rb, length, tangent, 0, 10);
  return new LatheGeometry(profile, 24);
}

/** Drawn between ghosts and bodies, and only there to forget the ghosts' depth: they never hide a body. */
export class Divider extends Mesh {
  constructor() {
    super(new BufferGeometry().setFromPoints([new Vector3(), new Vector3(), new Vector3()]));
    this.material = new MeshBasicMaterial({ transparent: true, colorWrite: false, depthWrite: false });
    this.renderOrder = 1;
    this.frustumCulled = false;
    this.onBeforeRender = (renderer) => renderer.clearDepth();
  }
}

/** One or several poses of the same person; several are the ghosts. */
export class Body {
  readonly group = new Group();
  readonly scale: number;
  private readonly parts: { mesh: InstancedMesh; colour: Colour }[] = [];
  private readonly lengths: number[] = [];
  private readonly points = new Float32Array(3 * NUM_POINTS);

  constructor(clip: MotionClip, count: number, solid: boolean) {
    const first = clip.joints.slice(0, 66);
    this.scale = bodyScale(first);
    bodyPoints(first, this.scale, this.points);
    for (const cone of CONES) {
      const length = Math.max(this.point(cone.a).distanceTo(this.point(cone.b)), 1e-3);
      this.lengths.push(length);
      this.add(roundCone(length, cone.ra * this.scale, cone.rb * this.scale), cone.colour, count, solid);
    }
    for (const { frame, radii, halfWidths, colour } of ELLIPSOIDS) {
      const [x, y, z] = radii.map((radius) => radius * this.scale);
      const half = this.point(frame.left).distanceTo(this.point(frame.right)) / 2;
      this.add(new SphereGeometry(1, 40, 28).scale(halfWidths * half || x, y, z), colour, count, solid);
    }
  }

  private add(geometry: BufferGeometry, colour: Colour, count: number, solid: boolean): void {
    const material = new MeshStandardMaterial({ roughness: colour === "visor" ? 0.25 : 0.62, metalness: 0 });
    // Sorted with what lies on the floor: floor, ghosts, then (see Divider) bodies over everything.
    material.transparent = true;
    const mesh = new InstancedMesh(geometry, material, count);
    mesh.renderOrder = solid ? 2 : 0;
    mesh.castShadow = solid;
    mesh.receiveShadow = solid;
    mesh.frustumCulled = false; // instances move away from where the geometry lies
    this.parts.push({ mesh, colour });
    this.group.add(mesh);
  }

  private point(index: number): Vector3 {
    return new Vector3().fromArray(this.points, 3 * index);
  }

  /** Left, up and forward of a part of the body. */
  private axes(frame: Frame): [Vector3, Vector3, Vector3] {
    const bone = this.point(frame.to).sub(this.point(frame.from)).normalize();
    const left = this.point(frame.left).sub(this.point(frame.right));
    left.addScaledVector(bone, -left.dot(bone)).normalize();
    const up = bone.clone().multiplyScalar(Math.cos(frame.pitch));
    up.addScaledVector(left.clone().cross(bone), -Math.sin(frame.pitch));
    return [left, up, left.clone().cross(up)];
  }

  /** Puts one instance into the pose of these joints. */
  pose(joints: Float32Array, instance = 0): void {
    bodyPoints(joints, this.scale, this.points);
    const matrix = new Matrix4();
    const turn = new Quaternion();
    CONES.forEach((cone, i) => {
      const a = this.point(cone.a);
      const along = this.point(cone.b).sub(a);
      const length = along.length();
      turn.setFromUnitVectors(UP, length > 1e-6 ? along.divideScalar(length) : UP);
      matrix.compose(a, turn, new Vector3(1, Math.max(length, 1e-4) / this.lengths[i], 1));
      this.parts[i].mesh.setMatrixAt(instance, matrix);
    });
    ELLIPSOIDS.forEach((part, i) => {
      const axes = this.axes(part.frame);
      const centre = this.point(part.at);
      axes.forEach((axis, k) => centre.addScaledVector(axis, part.offset[k] * this.scale));
      matrix.makeBasis(...axes).setPosition(centre);
      this.parts[CONES.length + i].mesh.setMatrixAt(instance, matrix);
    });
    for (const { mesh } of this.parts) mesh.instanceMatrix.needsUpdate = true;
  }

  /** Colours by part; `fade` moves them towards another colour, for ghosts. */
  paint(colours: BodyColours, towards?: string, fade = 0): void {
    for (const { mesh, colour } of this.parts) {
      const paint = (mesh.material as MeshStandardMaterial).color.set(colours[colour]);
      if (towards) paint.lerp(new Color(towards), fade);
    }
  }
}
