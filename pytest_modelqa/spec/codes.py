"""The codes of what can be wrong in a spec; they are stable, and listed with examples in docs/errors.md."""

from __future__ import annotations

from collections.abc import Mapping

CODES: Mapping[str, str] = {
    # The file
    "file-unreadable": "The file is missing, is no regular file, or may not be read.",
    "file-too-large": "The file is larger than any spec.",
    "encoding": "The file is not UTF-8 text.",
    "control-character": "A character that cannot be seen, or that shows text in another order than it is read.",
    "empty": "The file holds nothing, or only comments.",
    # YAML
    "yaml-syntax": "The file is not YAML.",
    "directive": "A line begins with %, which is a YAML directive.",
    "tag": "A value has a YAML tag.",
    "second-document": "A line --- begins a second document.",
    "duplicate-key": "A key is given twice in one mapping.",
    "key-not-text": "A key is a number, a list, or another value that is not text.",
    "unknown-alias": "An alias refers to an anchor that does not exist.",
    "alias-cycle": "An alias refers to the value that it stands in.",
    "too-deep": "Values are nested deeper than in any spec.",
    "too-many-values": "The values, each alias counted as what it stands for, are more than in any spec.",
    "number-too-long": "A number has more digits than any number of a spec.",
    # Entries
    "wrong-version": "The spec is written in another version of the language.",
    "unknown-key": "A key does not exist there.",
    "missing-key": "A key is needed there.",
    "wrong-type": "A value is of another type: text for a list, a number for text.",
    "wrong-value": "A value is of the right type, and none of those that are legal.",
    "not-a-number": "A number is needed there.",
    "not-finite": "A finite number is needed there.",
    "bad-name": "A name cannot be part of a pytest node id.",
    "not-supported-yet": "The key belongs to the language, and this version cannot do it yet.",
    # Paths
    "undefined-variable": "An environment variable of a path is not set and has no default.",
    "shell-syntax": "A path holds ~ or $NAME, which only a shell would replace.",
    "variable-outside-path": "${env:…} stands where it would not be replaced.",
    # Names
    "name-taken": "One name names two things.",
    "unknown-name": "A name names nothing.",
    "wrong-kind": "A name names something of another kind, such as a dataset in place of a model.",
    "unknown-task": "There is no such task.",
    "unknown-metric": "There is no such metric, or the task does not measure it.",
    "unknown-coordinate": "The model has no such coordinate.",
    "unused-coordinate": "A coordinate does not stand in the checkpoint's pattern.",
    "bad-coordinate": "A coordinate has no values, one of them twice, or none that put checkpoints in order.",
    # Checks
    "no-evaluations": "The spec has no evaluations.",
    "no-checks": "An evaluation has no checks, and nothing compares with it.",
    "no-bound": "A check has no bound.",
    "two-bounds": "A check has more than one bound.",
    "out-of-range": "A number is outside the range of what it bounds.",
    "cannot-fail": "A bound that every value meets.",
    "contradiction": "Two things that exclude each other.",
    "without-effect": "A key that means nothing beside the others.",
    "wrong-unit": "The metric is not measured in that unit.",
    "no-direction": "Better and worse have no meaning for that metric.",
    "no-improvement": "An improvement of 0, which an equal model would meet.",
    "negative-difference": "A difference below 0; the metric's direction gives the sign.",
    "no-baseline": "A check compares, and does not say with what.",
    "compares-with-itself": "Both sides of a comparison are the same.",
    "not-comparable": "The other side cannot measure the metric, or runs on other samples.",
    "empty-slices": "Slices are asked for, and none is named.",
    "ambiguous-value": "A slice value reads differently from what it says.",
    "id-taken": "Two checks of an evaluation have the same id.",
    "reserved-mark": "A mark that only the plugin gives.",
    # Warnings
    "against-direction": "A warning: a bound on the side on which models get better.",
    "diversity-alone": "A warning: more diversity is demanded of a model whose quality no check watches.",
    "hardly-any-gain": "A warning: an improvement of less than 0.1 percent, where a fraction may have been meant.",
    "ratchet": "A warning: nothing but the loss against a recorded baseline is bounded, release after release.",
}
