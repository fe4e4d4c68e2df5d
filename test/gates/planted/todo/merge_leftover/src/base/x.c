/* SPDX-License-Identifier: Apache-2.0 */
<<<<<<< ours
int x;
