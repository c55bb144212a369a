"""Collect the claims of all notebooks, and typeset the paper from what they found."""

MANUSCRIPT = [str(path) for path in sorted(Path("paper").rglob("*")) if path.is_file()]
MANUSCRIPT += ["CITATION.cff", "workflow/typeset.py", "workflow/claims.py"]


localrules:
    claims,


rule claims:
    input:
        VALUES,
        script="workflow/claims.py",
    output:
        json=f"{RESULTS}/claims.json",
        html=report(f"{RESULTS}/claims.html", category="Verdicts"),
    params:
        contents=contents("workflow/claims.py"),
        folders=expand(f"{RESULTS}/{{name}}", name=NOTEBOOKS),
    shell:
        "python {input.script} {output.json} --collect {params.folders}"


rule paper:
    input:
        f"{RESULTS}/claims.json",
        VALUES,
        FILES.values(),
        MANUSCRIPT,
    output:
        report(f"{RESULTS}/paper.pdf", category="Paper"),
    params:
        contents=contents(*MANUSCRIPT),
    benchmark:
        f"{LOGS}/paper.tsv"
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    shell:
        f"python workflow/typeset.py paper/main.typ {RESULTS} {{output}}"
