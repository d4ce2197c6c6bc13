// Prints the joints' world positions in every frame of a BVH file, as three.js reads it:
// node three_bvh.mjs WEB_FOLDER FILE NAMES_AS_JSON
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

globalThis.self = globalThis;
const [web, file, names] = process.argv.slice(2);
const { resolve } = createRequire(pathToFileURL(`${web}/package.json`));
const THREE = await import(pathToFileURL(resolve("three").replace("three.cjs", "three.module.js")));
const { BVHLoader } = await import(pathToFileURL(resolve("three/addons/loaders/BVHLoader.js")));

const { skeleton, clip } = new BVHLoader().parse(readFileSync(file, "utf8"));
const bones = JSON.parse(names).map((name) => skeleton.bones.find((bone) => bone.name === name));
const mixer = new THREE.AnimationMixer(skeleton.bones[0]);
mixer.clipAction(clip).setLoop(THREE.LoopOnce).play().clampWhenFinished = true;
const times = clip.tracks[0].times;
const frames = [...times].map((time) => {
  mixer.setTime(time);
  skeleton.bones[0].updateMatrixWorld(true);
  return bones.map((bone) => bone.getWorldPosition(new THREE.Vector3()).toArray());
});
console.log(JSON.stringify(frames));
