"""Command lines that the help of every verb ends with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Example = tuple[str, str]
"""A command line without the name of the program, and what it does."""

FIRST_STEPS: Sequence[Example] = (
    ("spec.json", "the best mappings of every layer of a spec, as a report"),
    ("model.onnx --architecture eyeriss-168", "those of a network, on a built-in machine"),
    ("list", "what is built in: machines, networks, specs, back ends"),
    ("solve --help", "all options of a verb"),
)

EXAMPLES: Mapping[str, Sequence[Example]] = {
    "solve": (
        ("solve spec.json", "report on the best mappings of every layer"),
        ("solve spec.json --loops --out result.json", "with loop nests, and the whole result as JSON"),
        ("solve model.onnx --architecture eyeriss-168 --batch 4", "a network on a built-in machine"),
        ("solve resnet18 --architecture eyeriss-168", "a built-in network"),
        ("solve spec.json --set spm.banks=64", "with another value of one field"),
        ("solve spec.json --objective energy --time-limit 300", "another objective, up to 300 s for each layer"),
        ("solve spec.json --until-gap 0.01", "longer where the gap is above 1 %"),
        ("solve spec.json --pareto", "all trade-offs between energy and cycles"),
        ("solve spec.json --network edp", "the best of the network as a whole"),
        ("solve spec.json --max-cycles 20000000", "its least energy within a number of cycles"),
        ("solve spec.json --report page.html", "one HTML page with tables and pictures"),
    ),
    "evaluate": (
        ("evaluate request.json --detail", "what the given mappings cost, with footprints and traffic"),
        ("evaluate request.json --loops", "with the mappings as loop nests"),
        ("evaluate result.json --set spm.banks=64", "the mappings of a result on another machine"),
        ("evaluate arch.yaml problem.yaml mapping.yaml", "the files of a Timeloop design"),
    ),
    "enumerate": (
        ("enumerate spec.json", "cost every mapping that the constraints leave"),
        ("enumerate spec.json --bound", "leave out what a lower bound excludes; the same answer, sooner"),
    ),
    "verify": (
        ("verify result.json", "re-check a result, bounds included"),
        ("verify result.json --time-limit 300", "with up to 300 s for the proof of each layer"),
    ),
    "explain": (
        ("explain result.json layer3.0.conv1", "why this layer costs what it costs, and what would change that"),
        ("explain result.json layer3.0.conv1 --time-limit 300", "with up to 300 s for all its searches together"),
    ),
    "gap": (
        ("gap spec.json --full-limit 0", "pruned search against optimum, without full enumeration"),
        ("gap spec.json --csv gap.csv --plot gap.png", "with the figures as a table, and drawn"),
        ("gap spec.json --mapping mine.json", "how far mappings of yours are from the optimum"),
        ("gap --mapping result.json", "the same for those of a result"),
    ),
    "dataflows": (
        ("dataflows spec.json", "what the classic dataflows lose"),
        ("dataflows spec.json --spatial N,M --plot flows.svg", "with one of your own, and a picture"),
    ),
    "sweep": (
        ("sweep sweep.json --results sweep.jsonl", "all designs; the same command resumes"),
        ("sweep sweep.json --prove-best", "the best design, proved with fewer searches"),
        ("sweep sweep.json --pareto --report sweep.html", "the front of energy, cycles and area proxy, as a page"),
        ("sweep sweep.json --workers 8 --plot sweep.png", "by 8 processes, with a picture"),
    ),
    "execute": (
        ("execute request.json", "run given mappings and compare every count"),
        ("execute request.json --shrink", "of a large layer, scaled down first"),
    ),
    "codegen": (
        ("codegen request.json --out nest.c", "the first mapping of a request as a C program"),
        ("codegen request.json --mapping 2", "the third one, printed"),
    ),
    "show": (
        ("show eyeriss-168", "draw a built-in machine"),
        ("show machine.json --json", "a machine of a file, as a document with nodes"),
    ),
    "import": (
        ("import problem.yaml mapping.yaml --out request.json", "Timeloop's layer and mapping as a request"),
        ("import arch.yaml problem.yaml constraints.yaml --out spec.json", "a Timeloop design as a spec"),
    ),
    "schema": (
        ("schema spec", "the JSON Schema of specs"),
        ("schema --out schemas.json", "those of all documents"),
    ),
    "list": (
        ("list", "names of what is built in, and where results are cached"),
        ("list machines", "built-in machines with the sources of their figures"),
    ),
}
"""By verb, the plainest one first."""
