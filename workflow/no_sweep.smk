"""What to say when a sweep is asked for and none is named."""


rule sweep:
    input:
        lambda wildcards: sys.exit(
            "Which sweep of config/sweeps? Say make sweep SWEEP=NAME, or --config sweep=NAME; there are "
            + ", ".join(sorted(path.stem for path in Path("config/sweeps").glob("*.yaml") if path.stem != "schema"))
        ),
