"""Full rank, proved: certificates in ball arithmetic, and the theorem behind them."""

from nearopt.proof.certificate import Certificate, certify_full_rank, smallest_eigenvalue
from nearopt.proof.eigenvalue_bound import filling_degree, smallest_eigenvalue_bound
from nearopt.proof.files import load_certificate, save_certificate
from nearopt.proof.jacobian import certify_batch_ranks, jacobian_rank
from nearopt.proof.spectrum import graded_spectrum, true_and_float_spectrum
from nearopt.proof.survey import draw_certificates, fit_widths
from nearopt.proof.theorem import degenerate_teachers, is_irreducible, odd_activation_rank

__all__ = [
    "Certificate",
    "certify_batch_ranks",
    "certify_full_rank",
    "degenerate_teachers",
    "draw_certificates",
    "filling_degree",
    "fit_widths",
    "graded_spectrum",
    "is_irreducible",
    "jacobian_rank",
    "load_certificate",
    "odd_activation_rank",
    "save_certificate",
    "smallest_eigenvalue",
    "smallest_eigenvalue_bound",
    "true_and_float_spectrum",
]
