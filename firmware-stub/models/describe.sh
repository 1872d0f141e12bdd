#!/bin/sh
# What the build must know of a model file and a list of samples, as make variables.
# usage: describe.sh MODEL.hlm SAMPLES.bin ROOM   (bytes of inputs that the board holds, at least one)
set -eu

field() { # file offset type
	od -An -v -t"$3" -j"$2" -N"${3#?}" "$1" | tr -d ' '
}

die() {
	echo "$1" >&2
	exit 1
}

[ "$(head -c 4 "$1")" = HLDM ] && [ "$(field "$1" 4 u2)" = 2 ] || die "$1: no model file of version 2"
[ "$(head -c 4 "$2")" = HLDS ] && [ "$(field "$2" 4 u2)" = 1 ] || die "$2: no list of samples of version 1"
case $(field "$1" 18 u1) in
1) architecture=full ;;
2) architecture=linformer ;;
3) architecture=performer ;;
4) architecture=reformer ;;
5) architecture=mobilebert ;;
*) die "$1: an architecture that the firmware has no kernels for" ;;
esac
input=$(($(field "$1" 26 u2) * $(field "$1" 28 u2)))
[ "$input" = $(($(field "$2" 8 u2) * $(field "$2" 10 u2))) ] || die "$2: samples of another shape than the input of $1"
listed=$(field "$2" 6 u2)
held=$(($3 / input))
[ $held -gt 0 ] || held=1
[ $held -lt $listed ] || held=$listed
echo "INPUT_BYTES := $input"
echo "MODEL_FLAGS :=" "-DMODEL_ARCHITECTURE=architecture_$architecture -DMODEL_ARENA=$(field "$1" 12 u4)" \
	"-DMODEL_BYTES=$(wc -c < "$1") -DSAMPLE_COUNT=$held -DSAMPLE_LABELS_AT=12" \
	"-DSAMPLE_INPUTS_AT=$((12 + (listed + 3) / 4 * 4)) -DSAMPLE_BYTES=$((held * input))"
