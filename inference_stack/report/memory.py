"""The memory of one unit as a bar and a table, for people."""

from dataclasses import replace

from rich.console import Group
from rich.table import Table
from rich.text import Text

from inference_stack.planner.memory.budget import Memory, longest, memory
from inference_stack.planner.replica import Replica

BAR = 60
PARTS = (
    ("weights", "weights_gib", "cyan"),
    ("prepared for kernels", "prepared_gib", "cyan"),
    ("drafting model", "draft_gib", "bright_cyan"),
    ("adapters", "adapters_gib", "blue"),
    ("activations", "activation_gib", "yellow"),
    ("outside of torch", "non_torch_gib", "magenta"),
    ("CUDA graphs", "cudagraph_gib", "bright_magenta"),
    ("KV cache", "kv_gib", "green"),
)
MOST_UNITS = 8


def memory_view(replica: Replica) -> Group:
    """Bar, parts, what is left for context, and what forbids it with ways out."""
    held = memory(replica)
    return Group(_heading(replica), _bar(held), _table(held), *_verdict(replica, held))


def _heading(replica: Replica) -> Text:
    unit, engine = replica.silicon, replica.engine
    slice_ = f" {unit.profile}" if unit.profile else ""
    count = f"{replica.units} × " if replica.units > 1 else ""
    return Text(
        f"{count}{unit.gpu}{slice_}, {unit.memory_gib:.2f} GiB each, vLLM {engine.version}, "
        f"{replica.layout.name} weights, steps of {engine.max_num_batched_tokens} tokens and "
        f"{engine.max_num_seqs} requests",
        style="bold",
    )


def _bar(held: Memory) -> Text:
    """One character a sixtieth of the unit; a part that is there shows as one at least."""
    bar = Text()
    for _, field, style in PARTS:
        gib = max(0.0, getattr(held, field))
        if field == "cudagraph_gib" and not held.graphs_reserved:
            continue
        cells = max(1, round(gib / held.total_gib * BAR)) if gib > 0.005 else 0
        bar.append("█" * min(cells, BAR - len(bar)), style)
    return bar.append("░" * (BAR - len(bar)), "dim")


def _table(held: Memory) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_column(style="dim")
    for name, field, style in PARTS:
        gib = getattr(held, field)
        if abs(gib) < 0.005:
            continue
        note = ""
        if field == "kv_gib":
            note = f"nine in ten from {held.kv_low_gib:.2f} to {held.kv_high_gib:.2f}"
        elif field == "cudagraph_gib" and not held.graphs_reserved:
            note = "beside the budget in this release"
        table.add_row(Text(name, style), f"{gib:.2f} GiB", note)
    table.add_row("may use", f"{held.requested_gib:.2f} GiB", f"of {held.total_gib:.2f}")
    return table


def _verdict(replica: Replica, held: Memory) -> list[Text]:
    context = replica.engine.max_model_len
    if held.fits:
        return [
            Text(
                f"fits: {held.kv_tokens:,} tokens, {held.max_concurrency:.2f} requests of {context:,} tokens "
                f"at once; longest context {longest(replica):,}",
                style="green",
            )
        ]
    return [
        Text(f"does not fit. {held.limit}", style="red"),
        *(Text(f"  {way}") for way in ways_out(replica)),
    ]


def ways_out(replica: Replica) -> list[str]:
    """Single changes with which it would fit, the cheapest first."""
    engine = replica.engine
    changes = [
        ("kv_cache_dtype fp8", replace(replica, engine=replace(engine, kv_cache_dtype="fp8"))),
        (
            "max_num_batched_tokens 2048 and max_num_seqs 256",
            replace(
                replica,
                engine=replace(
                    engine,
                    max_num_batched_tokens=min(2048, engine.max_num_batched_tokens),
                    max_num_seqs=min(256, engine.max_num_seqs),
                ),
            ),
        ),
    ]
    if replica.silicon.profile is None:
        units = replica.tensor_parallel * 2
        while units <= MOST_UNITS:
            changes.append((f"tensor parallel {units}", replace(replica, tensor_parallel=units)))
            units *= 2
    return [f"fits with {name}" for name, changed in changes if changed != replica and memory(changed).fits]
