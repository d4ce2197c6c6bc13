#!/usr/bin/env bash
# From a folder of recordings to a trained model and its scores. TAKES holds motion files and captions.csv (file,caption).
#     bash examples/own_data.sh TAKES WORK [PRESET] [further options of `bimotion train`, such as --steps 20]
set -euo pipefail
takes=$1 work=$2 preset=${3:-tiny}
more=("${@:4}")

bimotion prepare bvh "$takes" "$work/data"
bimotion train vae --preset "$preset" --data "$work/data" --out "$work/vae" "${more[@]}"
bimotion train stage1 --preset "$preset" --data "$work/data" --vae "$work/vae" --out "$work/stage1" "${more[@]}"
bimotion train stage2 --data "$work/data" --init-from "$work/stage1" --out "$work/stage2" "${more[@]}"
bimotion train stage3 --data "$work/data" --init-from "$work/stage2" --out "$work/stage3" "${more[@]}"
bimotion generate "a person walks forward" --model "$work/stage3" --out "$work/walk.bvh" --seed 0
