#!/bin/sh
# What the build must know of a model file and a list of samples, as make variables.
# usage: describe.sh MODEL.hlm SAMPLES.bin ROOM   (bytes of inputs that the board holds, at least one)
set -eu
model=$1 samples=$2 room=$3

die() {
	echo "$1" >&2
	exit 1
}

bytes() { # file count: that many from its start, as numbers
	od -An -v -w"$2" -tu1 -N"$2" "$1"
}

# Each image asks: no process for each field.
# shellcheck disable=SC2046
set -- $(bytes "$model" 30)
[ $# = 30 ] && [ "$1 $2 $3 $4 $5 $6" = "72 76 68 77 2 0" ] || die "$model: no model file of version 2"
case ${19} in
1) architecture=full ;;
2) architecture=linformer ;;
3) architecture=performer ;;
4) architecture=reformer ;;
5) architecture=mobilebert ;;
*) die "$model: an architecture that the firmware has no kernels for" ;;
esac
arena=$((${13} + ${14} * 256 + ${15} * 65536 + ${16} * 16777216))
input=$(((${27} + ${28} * 256) * (${29} + ${30} * 256)))
# shellcheck disable=SC2046
set -- $(bytes "$samples" 12)
[ $# = 12 ] && [ "$1 $2 $3 $4 $5 $6" = "72 76 68 83 1 0" ] || die "$samples: no list of samples of version 1"
[ "$input" = $((($9 + ${10} * 256) * (${11} + ${12} * 256))) ] || die "$samples: samples of another shape than the input of $model"
listed=$(($7 + $8 * 256))
held=$((room / input))
[ $held -gt 0 ] || held=1
[ $held -lt $listed ] || held=$listed
echo "INPUT_BYTES := $input"
echo "MODEL_FLAGS :=" "-DMODEL_ARCHITECTURE=architecture_$architecture -DMODEL_ARENA=$arena" \
	"-DMODEL_BYTES=$(wc -c < "$model") -DSAMPLE_COUNT=$held -DSAMPLE_LABELS_AT=12" \
	"-DSAMPLE_INPUTS_AT=$((12 + (listed + 3) / 4 * 4)) -DSAMPLE_BYTES=$((held * input))"
