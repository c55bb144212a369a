"""What to say when a sweep is asked for and none is named."""


rule sweep:
    input:
        lambda wildcards: sys.exit("Which sweep of config/sweeps? Say --config sweep=NAME"),
