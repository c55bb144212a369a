"""What no public function, configuration, notebook or sweep may take, or may run as code."""

NAN, INF = float("nan"), float("inf")
SHELL = '"; touch pwned; "'
INJECTIONS = [SHELL, "$(touch pwned)", "`touch pwned`", "__import__('os').mkdir('pwned')"]
TEXTS = [*INJECTIONS, "", "ünïcödé ∞ 名", "../../pwned", "no\0name", "{pwned}", "x\n"]
NO_NUMBERS = [None, True, "3", "1e-3", SHELL, [3], {"a": 1}, 3j, NAN, INF, -INF, -3, 0]
YAML_INJECTIONS = [
    '!!python/object/apply:os.mkdir ["pwned"]',
    "!!python/object/new:os.mkdir [pwned]",
    '!!python/object/apply:subprocess.check_call [["touch", "pwned"]]',
    "!!python/name:os.system",
    "!!python/module:os",
    "!!python/object:nearopt.network.two_layer.TwoLayer {}",
    f"'{SHELL}'",
    "*missing",
    "[" * 3000,
    "{",
]
