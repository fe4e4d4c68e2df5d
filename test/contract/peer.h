/* SPDX-License-Identifier: Apache-2.0
 * A further process of the same test program, at the other end of two pipes. The program's main hands itself over:
 *
 *   if (argc > 1) return peer_role(argc, argv);     its own roles, by argv[1]
 */
#ifndef TEST_CONTRACT_PEER_H
#define TEST_CONTRACT_PEER_H

#include "base/err.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

struct peer {
  pid_t pid;
  int to, from; /* its standard input and output */
};

static inline void peer_pipe(int fds[2]) {
  TFDC_ASSERT(pipe(fds) == 0);
  for (int i = 0; i < 2; i++) TFDC_ASSERT(fcntl(fds[i], F_SETFD, FD_CLOEXEC) == 0);
}

/* argv[0] is replaced by the program; ends in NULL. Between fork and exec only what a signal handler may call. */
static inline struct peer peer_start(const char *const *argv) {
  int down[2], up[2];
  peer_pipe(down);
  peer_pipe(up);
  pid_t pid = fork();
  TFDC_ASSERT(pid >= 0);
  if (pid == 0) {
    if (dup2(down[0], STDIN_FILENO) < 0 || dup2(up[1], STDOUT_FILENO) < 0) _exit(120);
    (void)execv("/proc/self/exe", (char *const *)(uintptr_t)argv);
    _exit(121);
  }
  (void)close(down[0]);
  (void)close(up[1]);
  return (struct peer){pid, down[1], up[0]};
}

/* Waits for its end, after closing its input or by SIGKILL; its exit code, or minus the signal. */
static inline int peer_end(struct peer *p, bool by_kill) {
  int status = 0;
  if (by_kill) TFDC_ASSERT(kill(p->pid, SIGKILL) == 0);
  (void)close(p->to);
  TFDC_ASSERT(waitpid(p->pid, &status, 0) == p->pid);
  (void)close(p->from);
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

/* Waits for one byte from it. */
static inline bool peer_says(const struct peer *p) {
  char byte;
  return read(p->from, &byte, 1) == 1;
}

/* In the peer: says it, and waits until its input ends. */
static inline void peer_say(void) { TFDC_ASSERT(write(STDOUT_FILENO, "1", 1) == 1); }
static inline void peer_wait(void) {
  char byte;
  while (read(STDIN_FILENO, &byte, 1) > 0) continue;
}

#endif
