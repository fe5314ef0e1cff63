"""Stand-ins: what they answer to the code that a script keeps."""

from __future__ import annotations

from textwrap import dedent

import pytest

pytest.importorskip("torch", reason="stand-ins are torch's")

from optlint.program.events import Act
from optlint.replay.pool import Job, Lost, Pool
from optlint.replay.trace import Trace

SCHEDULES = (
    "StepLR(optimizer, 2)",
    "MultiStepLR(optimizer, [2])",
    "ConstantLR(optimizer)",
    "LinearLR(optimizer)",
    "ExponentialLR(optimizer, 0.5)",
    "CosineAnnealingLR(optimizer, 4)",
    "CosineAnnealingWarmRestarts(optimizer, 4)",
    "CyclicLR(optimizer, 0.1, 0.2)",
    "OneCycleLR(optimizer, 0.2, total_steps=9)",
    "PolynomialLR(optimizer)",
    "LambdaLR(optimizer, lambda step: 0.5)",
    "MultiplicativeLR(optimizer, lambda step: 0.5)",
    "SequentialLR(optimizer, [StepLR(optimizer, 2), StepLR(optimizer, 3)], [2])",
    "ChainedScheduler([StepLR(optimizer, 2)], optimizer)",
    "ReduceLROnPlateau(optimizer)",
)


def ran(pool: Pool, body: str, plan: dict[str, bool] | None = None) -> Trace:
    outcomes = dict(pool.run([Job(dedent(body), device="cpu", dtype="float64", plan=tuple((plan or {}).items()))]))
    outcome = outcomes[0]
    assert isinstance(outcome, Trace), outcome
    return outcome


def said(pool: Pool, value: str, before: str = "", plan: dict[str, bool] | None = None) -> str:
    """What a value of a script is, in the words of an error."""
    trace = ran(pool, f"{before}\nvalue = {value}\nraise ValueError(f'{{value}}')\n", plan)
    assert trace.failure is not None
    assert trace.failure.kind == "ValueError", trace.failure
    return trace.failure.message


@pytest.mark.parametrize(
    ("value", "before", "expected"),
    [
        ("named(**batch)", "batch = standin.unknown('batch')", "['first', 'second']"),
        ("named(**batch)", "batch = standin.unknown('batch'); batch['ids']; batch['mask']", "['ids', 'mask']"),
        ("[key for key, value in batch.items()]", "batch = standin.unknown('batch')", "['first', 'second']"),
        ("len(batch.values())", "batch = standin.unknown('batch', ids=1)", "1"),
        ("config.get('lr', 0.25)", "config = standin.unknown('config')", "0.25"),
        ("config['lr']", "config = standin.unknown('config'); config.get('lr', 0.25)", "0.25"),
        ("config.get('lr')", "config = standin.unknown('config')", "0.1"),
        ("config.get('name', 'x')", "config = standin.unknown('config', name='y')", "y"),
        ("x.step_size", "x = standin.unknown('x')", "2"),
        ("x.step_size()", "x = standin.unknown('x')", "<x.step_size()>"),
        ("Own().warmup()", "class Own(standin.Open): pass", "<warmup()>"),
        ("Own().warmup", "class Own(standin.Open): pass", "2"),
        ("standin.model().step_size", "", "2"),
        ("cfg.train.lr", "cfg = standin.unknown('cfg')", "0.1"),
        ("cfg.eval", "cfg = standin.unknown('cfg', eval=False)", "False"),
        ("args.label", "args = standin.unknown('args', label='x')", "x"),
        ("[*cfg.net.state_dict()]", "cfg = standin.unknown('cfg')", "['weight', 'bias']"),
        ("[*net.train().state_dict()]", "net = standin.unknown('net')", "['weight', 'bias']"),
        ("torch.npu.is_available()", "", "False"),
        ("[*torch.zeros((standin.unknown('x'), 2)).shape]", "", "[3, 2]"),
    ],
)
def test_unknown_values_answer(value: str, before: str, expected: str, pool: Pool) -> None:
    before = f"def named(**given):\n    return sorted(given)\n{before.replace('; ', chr(10))}"
    if "class " in before:
        before = before.replace(": pass", ":\n    pass")
    assert said(pool, value, before) == expected


@pytest.mark.parametrize(
    ("value", "plan", "expected"),
    [
        ("standin.is_none(None)", {}, "True"),
        ("standin.is_none(3)", {}, "False"),
        ("standin.is_none(standin.unknown('x'))", {}, "False"),
        ("standin.is_none(standin.unknown('x'))", {"x is None": True}, "True"),
        ("standin.is_none(standin.unset('args.resume'))", {}, "True"),
        ("standin.is_none(standin.unset('args.resume'))", {"args.resume is given": True}, "False"),
        ("bool(standin.unset('args.resume'))", {}, "False"),
        ("bool(standin.unknown('x'))", {}, "True"),
        ("bool(standin.unknown('x'))", {"x": False}, "False"),
    ],
)
def test_what_may_be_none(value: str, plan: dict[str, bool], expected: str, pool: Pool) -> None:
    assert said(pool, value, "", plan) == expected


@pytest.mark.parametrize(
    ("value", "plan", "expected"),
    [
        ("standin.flag('fp16', False)", {}, "False"),
        ("standin.flag('fp16', False)", {"fp16": True}, "True"),
        ("standin.flag('warm', True)", {}, "True"),
        ("standin.flag('warm', True)", {"warm": False}, "False"),
        ("standin.option('momentum')", {}, "None"),
        ("standin.option('momentum')", {"momentum is given": True}, "0.9"),
        ("standin.option('mask')", {"mask is given": True}, "<mask>"),
    ],
)
def test_options_are_what_they_are_by_default_unless_planned(
    value: str, plan: dict[str, bool], expected: str, pool: Pool
) -> None:
    assert said(pool, value, "", plan) == expected


PLATEAU = "torch.optim.lr_scheduler.ReduceLROnPlateau"
STEPS = "torch.optim.lr_scheduler.StepLR(standin.optimizer(), 2)"


@pytest.mark.parametrize(
    ("value", "plan", "expected"),
    [
        (f"isinstance(standin.unknown('s'), {PLATEAU})", {}, "True"),
        (f"isinstance(standin.unknown('s'), {PLATEAU})", {"s is a ReduceLROnPlateau": False}, "False"),
        (f"isinstance({STEPS}, {PLATEAU})", {}, "False"),
        (f"isinstance({STEPS}, (int, {PLATEAU}, torch.optim.lr_scheduler.LRScheduler))", {}, "True"),
        ("isinstance(3, standin.Unknown('Kind'))", {}, "False"),
        ("isinstance(3, (standin.Unknown('Kind'), int))", {}, "True"),
        ("isinstance(standin.unknown('v'), standin.Unknown('Kind'))", {}, "False"),
        (
            "isinstance(standin.unknown('v'), standin.Unknown('Kind'))",
            {"v is an instance of what is not known": True},
            "True",
        ),
        ("isinstance(standin.model(), torch.nn.Linear)", {}, "False"),
        ("isinstance(3, int | float)", {}, "True"),
    ],
)
def test_isinstance_knows_what_a_stand_in_may_be(value: str, plan: dict[str, bool], expected: str, pool: Pool) -> None:
    assert said(pool, value, "", plan) == expected


def test_a_stand_in_stays_the_scheduler_that_it_was_asked_for(pool: Pool) -> None:
    body = f"""
    s = standin.unknown('s')
    if isinstance(s, {PLATEAU}):
        s.step(0.5)
    """
    [step] = [each for each in ran(pool, body).happenings if each.act is Act.SCHEDULE]
    assert step.given == (0.5,)


@pytest.mark.parametrize(
    ("question", "told", "names"),
    [
        ("_LRScheduler", "isinstance False, although it is a `StepLR`", ("LRScheduler",)),
        ("LRScheduler", "isinstance True", ("LRScheduler",)),
        ("StepLR", "isinstance True", ("StepLR",)),
        ("ReduceLROnPlateau", "isinstance False", ("ReduceLROnPlateau",)),
    ],
)
def test_a_replay_hears_of_questions_about_schedulers(
    question: str, told: str, names: tuple[str, ...], pool: Pool
) -> None:
    trace = ran(pool, f"isinstance({STEPS}, torch.optim.lr_scheduler.{question})")
    [mention] = [each for each in trace.happenings if each.act is Act.MENTION]
    assert mention.detail == told
    assert tuple(each.rpartition(".")[2] for each in mention.parameters) == names


@pytest.mark.parametrize(
    ("value", "before", "expected"),
    [
        ("[*standin.progress([1, 2], desc='x')]", "", "[1, 2]"),
        ("len(standin.progress(3))", "", "3"),
        ("len([*standin.progress(standin.unknown('loader'))])", "", "2"),
        ("[*standin.progress_range(2, standin.unknown('x', a=1), desc='x')]", "", "[2]"),
        ("[*standin.progress_range(3, leave=False)]", "", "[0, 1, 2]"),
        ("seen", "with standin.progress([4], total=1) as bar:\n    seen = [*bar]\n    bar.set_postfix(x=1)", "[4]"),
        ("3", "with standin.progress(total=3) as bar:\n    bar.update(1)", "3"),
    ],
)
def test_progress_bars_go_over_what_they_are_given(value: str, before: str, expected: str, pool: Pool) -> None:
    assert said(pool, value, before) == expected


TRAINED = """
given = standin.unknown('accelerator')
model = standin.model()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
{before}
for batch in standin.unknown('loader'):
    optimizer.zero_grad()
    given.backward(model(batch))
    {clip}
    optimizer.step()
"""


@pytest.mark.parametrize(
    ("clip", "limit"),
    [
        ("given.clip_grad_norm_(model.parameters(), 0.5)", 0.5),
        ("given.clip_grad_norm_(model, 0.25)", 0.25),
        ("given.clip_gradients([*model.parameters()], max_norm=2)", 2.0),
        ("torch.nn.utils.clip_grad_norm_(given.master_params(optimizer), 3.0)", 3.0),
    ],
)
def test_unknown_code_goes_backward_and_clips(clip: str, limit: float, pool: Pool) -> None:
    trace = ran(pool, TRAINED.format(before="", clip=clip))
    assert trace.failure is None, trace.failure
    assert [len(update.moved) for update in trace.updates] == [2, 2]
    clips = [each for each in trace.happenings if each.act is Act.CLIP]
    assert [each.given[0] for each in clips] == [limit, limit]


@pytest.mark.parametrize(
    ("before", "updates"),
    [
        ("model, optimizer = given.initialize(model, optimizer, opt_level='O1')", 2),
        ("model, optimizer = given.initialize(models=model, optimizers=optimizer)", 2),
        ("model, optimizer, loader = given.prepare(model, optimizer, given.loader)", 2),
        ("engine, optimizer, _, _ = given.initialize(args=given, model=model, optimizer=optimizer, config=3)", 0),
        ("engine, optimizer, _, _ = given.initialize(given.args, model, optimizer=optimizer)", 0),
    ],
)
def test_what_unknown_code_hands_back_is_what_it_was_given(before: str, updates: int, pool: Pool) -> None:
    """Without a keyword, that is: of what stands elsewhere nobody knows the order."""
    body = TRAINED.format(before=before, clip="pass").replace("standin.model()", "torch.nn.Linear(2, 2)")
    trace = ran(pool, body)
    assert trace.failure is None, trace.failure
    assert len(trace.updates) == updates


def test_an_optimizer_that_is_given_to_training_code_may_have_been_stepped(pool: Pool) -> None:
    trace = ran(pool, "standin.Unknown('train_one_epoch')(standin.optimizer())")
    assert trace.failure is not None
    assert trace.failure.in_standin


def test_an_optimizer_of_another_package_is_not_made_of_an_iterator_that_is_gone_through(pool: Pool) -> None:
    body = """
    parameters = iter([*standin.model().parameters()])
    {before}
    standin.optimizer(parameters)
    """
    assert ran(pool, body.format(before="pass")).failure is None
    failure = ran(pool, body.format(before="list(parameters)")).failure
    assert failure is not None
    assert failure.in_standin


@pytest.mark.parametrize(
    ("given", "expected"),
    [("[1.0, 2.0]", "tensor([1., 2.])"), ("standin.unknown('x')", "<tensor>"), ("[standin.unknown('x')]", "<tensor>")],
)
def test_a_tensor_of_a_stand_in_is_one(given: str, expected: str, pool: Pool) -> None:
    value = "made if 'tensor' in repr(made) else 0"
    before = f"made = standin.tensor(torch.tensor, {given})"
    assert said(pool, value, before).replace(", dtype=torch.float64", "") == expected


def test_an_optimizer_of_another_package_has_the_frozen_parameters_that_it_is_given(pool: Pool) -> None:
    before = "net = torch.nn.Linear(2, 1)\nfor each in net.parameters():\n    each.requires_grad = False"
    value = "len(standin.optimizer([*net.parameters(), torch.ones(3)]).param_groups[0]['params'])"
    assert said(pool, value, before) == "2"


def test_a_tensor_of_a_loss_has_its_graph(pool: Pool) -> None:
    trace = ran(pool, TRAINED.format(before="", clip="pass").replace("model(batch)", "standin.tensor(sum, [model(0)])"))
    assert [len(update.moved) for update in trace.updates] == [2, 2]


@pytest.mark.parametrize(
    ("value", "before", "expected"),
    [
        ("model.module is model", "model = torch.nn.Linear(2, 2)", "True"),
        ("model.module.out_features", "model = torch.nn.Sequential()\nmodel.module = torch.nn.Linear(2, 5)", "5"),
        ("model.module is inner", "inner = torch.nn.Linear(2, 2)\nmodel = standin.wrapped(inner)", "True"),
        ("[*model.state_dict()]", "model = standin.wrapped(torch.nn.Linear(2, 2))", "['weight', 'bias']"),
    ],
)
def test_the_module_of_a_wrapper_is_the_model(value: str, before: str, expected: str, pool: Pool) -> None:
    assert said(pool, value, before) == expected


@pytest.mark.parametrize(
    ("layer", "shape"), [("Linear(2000, 2000)", (3, 3)), ("Embedding(30000, 70)", (3, 3)), ("Linear(4, 5)", (5, 4))]
)
def test_large_models_are_cut_down_to_a_corner(layer: str, shape: tuple[int, int], pool: Pool) -> None:
    body = TRAINED.format(before="", clip="pass").replace("standin.model()", f"torch.nn.{layer}")
    trace = ran(pool, body)
    assert trace.failure is None, trace.failure
    assert [each.shape for each in trace.starts if each.name == "model.weight"] == [shape]
    assert [("model.weight" in update.moved) for update in trace.updates] == [True, True]


LOADED = """
StepLR = torch.optim.lr_scheduler.StepLR
optimizer = standin.optimizer()
scheduler = torch.optim.lr_scheduler.{made}
{loaded}.load_state_dict(torch.load('last.pt')['state'])
for epoch in range(3):
    standin.model()(0).backward()
    optimizer.step()
    scheduler.step({metric})
"""


@pytest.mark.parametrize("made", SCHEDULES)
def test_nothing_is_loaded_into_a_scheduler_from_a_stand_in(made: str, pool: Pool) -> None:
    metric = "0.5" if "Plateau" in made else ""
    bare = ran(pool, LOADED.format(made=made, loaded="torch.nn.Linear(1, 1)", metric=metric))
    trace = ran(pool, LOADED.format(made=made, loaded="scheduler", metric=metric))
    assert trace.failure is None, trace.failure
    assert bare.failure is None
    assert [each.given for each in trace.happenings if each.act is Act.SCHEDULE]
    assert [update.rates for update in trace.updates] == [update.rates for update in bare.updates]


@pytest.mark.parametrize("made", ["torch.nn.Linear(2, 2)", "torch.optim.Adam(standin.model().parameters())"])
def test_nothing_is_loaded_into_modules_and_optimizers_from_a_stand_in(made: str, pool: Pool) -> None:
    before = f"made = {made}\nformer = str(made.state_dict())\nmade.load_state_dict(torch.load('last.pt'))"
    assert said(pool, "str(made.state_dict()) == former", before) == "True"


def test_a_part_is_trained_with_something_beside_it(pool: Pool) -> None:
    body = """
    model = standin.model()
    model.requires_grad_({grad})
    standin.exercise(model)
    """
    moved = [
        {name for update in ran(pool, body.format(grad=each)).updates for name in update.moved}
        for each in (True, False)
    ]
    assert len(moved[0]) == 3
    assert len(moved[1]) == 1


def test_an_optimizer_is_tried_with_the_module_that_it_was_made_for(pool: Pool) -> None:
    body = "model = standin.model()\nstandin.trained(torch.optim.SGD([model.weight], lr=0.1), model)"
    assert [update.moved for update in ran(pool, body).updates] == [("model.weight",)] * 2


def test_a_rate_that_is_computed_from_a_stand_in_ends_the_replay_and_not_the_worker(pool: Pool) -> None:
    body = """
optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(2))], lr=0.1)
scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0 - step / standin.unknown('thing'))
for p in optimizer.param_groups[0]['params']:
    p.grad = torch.ones_like(p)
for _ in range(3):
    optimizer.step()
    scheduler.step()
"""
    ((_, outcome),) = pool.run([Job(body, "cpu", "float64")])
    assert isinstance(outcome, Lost)
    assert outcome.reason == "failed: a stand-in is where a number should be"


@pytest.mark.parametrize(
    ("made", "shape"),
    [
        ("torch.randn(images.shape[0], 8)", (3, 8)),
        ("torch.zeros((images.size(0), 8))", (3, 8)),
        ("torch.full([images.size(0), 2], 0.5, dtype=torch.float32)", (3, 2)),
        ("torch.ones(4, 2)", (4, 2)),
        ("standin.tensor(torch.Tensor, images.size(0), 8)", (3, 8)),
        ("standin.tensor(torch.FloatTensor, 8, images.size(0))", (8, 3)),
    ],
)
def test_a_stand_in_among_the_sizes_of_a_tensor_counts(made: str, shape: tuple[int, ...], pool: Pool) -> None:
    assert said(pool, f"tuple({made}.shape)", "images = standin.unknown('images')") == str(shape)


@pytest.mark.parametrize("made", ["x.clone()", "x.detach()", "x.clone().detach()", "(x + 1).unsqueeze(0)"])
def test_what_tensors_alone_give_is_no_module_when_it_is_to_have_a_gradient(made: str, pool: Pool) -> None:
    before = f"x = standin.unknown('x'); y = {made}"
    assert said(pool, "y.requires_grad_(True) is y", before) == "True"
    assert said(pool, "isinstance(standin.unknown('net').requires_grad_(True), torch.nn.Module)") == "True"


def test_training_with_what_it_needs_is_no_mode_of_a_module(pool: Pool) -> None:
    before = "trainer = standin.unknown('trainer')"
    assert said(pool, "isinstance(trainer.train(1, [2]), torch.nn.Module)", before) == "False"
    assert said(pool, "isinstance(trainer.train(True), torch.nn.Module)", before) == "True"
    assert said(pool, "isinstance(trainer.train(), torch.nn.Module)", before) == "True"
