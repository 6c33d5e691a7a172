#!/usr/bin/env bash
# Every system of the table, each with the same budget: MINUTES of one core's time. Usage: train.sh DIGITS_DIR OUT [NAME...]
# A process that has used up its time is stopped by the system; its last checkpoint, at most 200 steps old, is the result.
set -euo pipefail
cd "$(dirname "$0")/../.."
digits=$1 out=$2; shift 2
minutes=${MINUTES:-15}
gnm=${GNM:-gnm}

train() { # NAME SPEC [--set ...]
    [[ -e $out/$1/spec.yaml ]] && return # made before
    echo "$1: $(date +%T)"
    (
        ulimit -t $((60 * minutes))
        OMP_NUM_THREADS=1 "$gnm" train --spec "$2" --out "$out/$1" --digits-dir "$digits" --threads 1 \
            --set train.checkpoint_every=200 --set train.keep=1 --set train.picture_every=1000 "${@:3}"
    ) || true
}
same=(--set model.sigma=0.1 --set "train.optimizer={use: adam, lr: 1e-3}")

for name in "${@:-gnm}"; do
    case $name in
        gnm) train gnm mnist-4-64-short ;;
        gnm-8) # twice the drawing, so half the steps of it
            train gnm-8 mnist-4-64-short --set model.core.steps=8 --set train.stages.1.steps=900 \
                --set train.stages.1.optimizer.lr.until=900 \
                --set "train.stages.1.objective.weights.scene.at=[0, 450, 900]" ;;
        gnm-joint) train gnm-joint mnist-4-64-joint --set train.keep=20 ;; # both levels from the first step
        convdraw) train convdraw convdraw-4-mnist-4-64 "${same[@]}" --set objective.weights.scene=1 ;;
        convdraw-beta-10) train convdraw-beta-10 convdraw-4-mnist-4-64 "${same[@]}" --set objective.weights.scene=10 ;;
        vae) train vae vae-mnist-4-64 "${same[@]}" --set objective.weights.code=1 ;;
        genesis) train genesis genesis-mnist-4-64-short ;;
        space) train space space-mnist-4-64-short ;;
        *) echo "no such system: $name" >&2; exit 2 ;;
    esac
done
