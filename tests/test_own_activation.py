"""An activation of one's own, from a file to the notebooks and the workflow."""

import re
import shutil

import pytest
import yaml
from checkout import QUICK, ROOT, copy_checkout, refused, run

from nearopt.report import files
from nearopt.report.activations import SHIPPED, load_activation
from nearopt.report.parameters import check_parameters, load_schema
from nearopt.report.results import load

EXAMPLE = re.search(
    r"```python\n(.*?)```", (ROOT / "site/activation.md").read_text(), re.DOTALL
).group(1)
NOTEBOOKS = ("03_erf_full_rank", "04_gd_dynamics", "06_nonlinear_spectra")
SMALL = {**yaml.safe_load((ROOT / "config/paper.yaml").read_text())["06_nonlinear_spectra"]}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "sine.py").write_text(EXAMPLE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(files, "CHECKOUT", None)


def test_the_schema_names_what_is_shipped():
    for name in NOTEBOOKS:
        entry = load_schema()["properties"][name]["properties"]["activation"]
        assert entry["anyOf"][0]["enum"] == ["", *SHIPPED]


@pytest.mark.parametrize("name", SHIPPED)
def test_a_name_is_one_of_the_library_s(name):
    assert load_activation(name) is SHIPPED[name]


def test_a_file_of_one_s_own_is_run(folder):
    assert load_activation("sine.py:sine")(0) == 0


@pytest.mark.parametrize(
    ("activation", "message"),
    [
        ("tahn", "activation 'tahn' must be one of erf, relu, tanh, .* or 'file.py:name'"),
        ("none.py:sine", "activation 'none.py' is not a file: looked at .*none.py"),
        ("sine.py:cosine", "sine.py has .*Sine, sine, but no 'cosine'"),
        ("sine.py:Sine", "activation must have the methods of .*, not <class"),
        ("sine.py:np", "activation must have the methods of .*, not <module"),
    ],
)
def test_what_is_no_activation_is_refused(folder, activation, message):
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        load_activation(activation)


def test_a_notebook_refuses_an_unknown_name_and_lists_those_there_are():
    with pytest.raises(ValueError, match="06_nonlinear_spectra.activation = 'tahn' .* erf, relu"):
        check_parameters("06_nonlinear_spectra", SMALL | {"activation": "tahn"})


def test_the_workflow_runs_again_what_used_a_file_that_was_changed(checkout):
    for name in ("schema", "quick"):
        path = checkout / f"config/{name}.yaml"
        content = yaml.safe_load(path.read_text())
        if name == "schema":
            own = load_schema()["properties"]["06_nonlinear_spectra"]["properties"]["activation"]
            content["properties"]["01_small"]["properties"]["activation"] = own
        else:
            content["01_small"]["activation"] = "sine.py:sine"
        path.write_text(yaml.safe_dump(content, sort_keys=False))
    shutil.copy(checkout / "config/quick.yaml", checkout / "config/paper.yaml")
    source = checkout / "notebooks/01_small.py"
    text = source.read_text().replace("results_dir:", 'activation: str = ""\nresults_dir:')
    text += (
        "\nfrom nearopt.report.activations import load_activation\nload_activation(activation)\n"
    )
    source.write_text(text)
    build = (*QUICK, "results/quick/01_small/values.json")
    told = "01_small.activation = 'sine.py:sine' is not allowed; nothing was run."
    assert told in refused(checkout, *build)
    (checkout / "sine.py").write_text(EXAMPLE)
    run(checkout, *build)
    assert "Nothing to be done" in run(checkout, *build, "--dry-run")
    (checkout / "sine.py").write_text(EXAMPLE.replace("np.sin(u)", "np.sin(1.0 * u)"))
    assert "rule 01_small" in run(checkout, *build, "--dry-run")


@pytest.mark.slow
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebooks_show_it_beside_their_own(name, tmp_path):
    """What is not known of it is said; what is claimed holds."""
    checkout = copy_checkout(tmp_path / "checkout")
    (checkout / "sine.py").write_text(EXAMPLE)
    values = {"activation": "sine.py:sine"}
    (checkout / "config/own.yaml").write_text(yaml.safe_dump({name: values}))
    run(
        *(checkout, "snakemake", "--cores", "1", f"results/quick/{name}/values.json"),
        *("--configfile", "config/quick.yaml", "config/own.yaml"),
    )
    content = load(checkout / "results/quick" / name)
    assert all(verdict["passed"] for verdict in content["verdicts"])
    own = [v["statement"] for v in content["verdicts"] if "own" in v["statement"].split(":")[0]]
    log = (checkout / f"logs/quick/{name}.log").read_text()
    if name == "03_erf_full_rank":
        assert not own
        assert "rank 16 of 16 in floats, no proof and no verdict" in log
        assert content["values"]["own_rank"]["value"] == 16
    else:
        assert own
