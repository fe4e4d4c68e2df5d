/* SPDX-License-Identifier: Apache-2.0
 * Tails and quantiles of the normal and of Student's t distribution, to about 1e-13 relative, with SLEEF's reproducible
 * functions only: the same bits on every machine. Pure; any thread. */
#ifndef SPC_FIT_DIST_H
#define SPC_FIT_DIST_H

/* P(Z > z) of a standard normal deviate. */
double spc_normal_tail(double z);
/* z with P(Z > z) = p, 0 < p < 1. */
double spc_normal_upper(double p);
/* P(T > t) of Student's t with dof > 0 degrees of freedom (need not be whole). */
double spc_t_tail(double t, double dof);
/* t with P(T > t) = p, 0 < p < 1. */
double spc_t_upper(double p, double dof);

#endif
