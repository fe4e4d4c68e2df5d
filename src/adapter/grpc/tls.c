/* SPDX-License-Identifier: Apache-2.0
 * Certificates. gRPC's core takes garbage without a word and fails later, so every file is parsed with OpenSSL first.
 */
#include "adapter/grpc/rpc_priv.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PEM_MAX = 1 << 20 };

struct pems {
  char *cert, *key, *ca; /* owned */
};
struct rpc_tls_state {
  char *cert, *key, *ca; /* paths, owned */
  void (*event)(void *user, enum rpc_event e, const char *text);
  void *user;
  pthread_mutex_t mtx;
  struct stat seen; /* mtx: of the certificate in use */
  bool loaded;      /* mtx */
};

static void pems_deinit(struct pems *p) {
  if (p->key != NULL) OPENSSL_cleanse(p->key, strlen(p->key));
  free(p->cert);
  free(p->key);
  free(p->ca);
  *p = (struct pems){.cert = NULL};
}

static tfdc_rc read_file(const char *path, char **ret, struct tfdc_error *err) {
  FILE *f = fopen(path, "rb");
  if (f == NULL) return tfdc_fail(err, TFDC_E_CONFIG_VALUE, "%s: %s", path, strerror(errno));
  char *text = calloc(1, PEM_MAX + 1);
  size_t n = text == NULL ? 0 : fread(text, 1, PEM_MAX, f);
  (void)fclose(f);
  if (text == NULL) return tfdc_fail(err, TFDC_E_NOMEM, "%s", path);
  char *fit = realloc(text, n + 1);
  *ret = fit == NULL ? text : fit;
  return TFDC_OK;
}

static tfdc_rc bad_pem(const char *path, const char *what, struct tfdc_error *err) {
  ERR_clear_error();
  return tfdc_fail(err, TFDC_E_CONFIG_VALUE, "%s: no %s in PEM", path, what);
}

static X509 *parse_cert(const char *text) {
  BIO *bio = BIO_new_mem_buf(text, -1);
  X509 *x = bio == NULL ? NULL : PEM_read_bio_X509(bio, NULL, NULL, NULL);
  (void)BIO_free(bio);
  return x;
}

static EVP_PKEY *parse_key(const char *text) {
  BIO *bio = BIO_new_mem_buf(text, -1);
  EVP_PKEY *k = bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
  (void)BIO_free(bio);
  return k;
}

static tfdc_rc check_pair(const struct rpc_tls *files, const struct pems *p, struct tfdc_error *err) {
  X509 *x = parse_cert(p->cert);
  if (x == NULL) return bad_pem(files->cert, "certificate", err);
  tfdc_rc rc = TFDC_OK;
  EVP_PKEY *k = parse_key(p->key);
  if (k == NULL)
    rc = bad_pem(files->key, "private key", err);
  else if (X509_check_private_key(x, k) != 1)
    rc = tfdc_fail(err, TFDC_E_CONFIG_VALUE, "%s: the key does not fit the certificate %s", files->key, files->cert);
  ERR_clear_error();
  EVP_PKEY_free(k);
  X509_free(x);
  return rc;
}

static tfdc_rc load_into(const struct rpc_tls *files, struct pems *p, struct tfdc_error *err) {
  if (files->ca == NULL) return tfdc_fail(err, TFDC_E_CONFIG_VALUE, "TLS needs the CA's certificate");
  if ((files->cert == NULL) != (files->key == NULL))
    return tfdc_fail(err, TFDC_E_CONFIG_VALUE, "TLS needs a certificate together with its key");
  TFDC_TRY(read_file(files->ca, &p->ca, err));
  X509 *ca = parse_cert(p->ca);
  X509_free(ca);
  if (ca == NULL) return bad_pem(files->ca, "certificate", err);
  if (files->cert == NULL) return TFDC_OK;
  TFDC_TRY(read_file(files->cert, &p->cert, err));
  TFDC_TRY(read_file(files->key, &p->key, err));
  return check_pair(files, p, err);
}

static tfdc_rc load(const struct rpc_tls *files, struct pems *ret, struct tfdc_error *err) {
  struct pems p = {.cert = NULL};
  tfdc_rc rc = load_into(files, &p, err);
  if (rc == TFDC_OK)
    *ret = p;
  else
    pems_deinit(&p);
  return rc;
}

/* ---- server ---- */
static bool same_file(const struct stat *a, const struct stat *b) {
  return a->st_ino == b->st_ino && a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
         a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static grpc_ssl_certificate_config_reload_status reload(struct rpc_tls_state *t,
                                                        grpc_ssl_server_certificate_config **config) {
  struct stat now;
  if (stat(t->cert, &now) != 0 || (t->loaded && same_file(&now, &t->seen)))
    return t->loaded ? GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED : GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_FAIL;
  const struct rpc_tls files = {.cert = t->cert, .key = t->key, .ca = t->ca};
  struct pems p;
  struct tfdc_error err = {.code = TFDC_OK};
  if (load(&files, &p, &err) != TFDC_OK) { /* tried again at the next handshake */
    t->event(t->user, RPC_TLS_REFUSED, tfdc_error_msg(&err));
    return t->loaded ? GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED : GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_FAIL;
  }
  grpc_ssl_pem_key_cert_pair pair = {p.key, p.cert};
  *config = grpc_ssl_server_certificate_config_create(p.ca, &pair, 1); /* the core takes it */
  pems_deinit(&p);
  t->seen = now;
  t->loaded = true;
  t->event(t->user, RPC_TLS_LOADED, t->cert);
  return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW;
}

/* Each set of credentials asks here at every handshake. */
static grpc_ssl_certificate_config_reload_status fetch(void *user, grpc_ssl_server_certificate_config **config) {
  struct rpc_tls_state *t = user;
  (void)pthread_mutex_lock(&t->mtx);
  grpc_ssl_certificate_config_reload_status ret = reload(t, config);
  (void)pthread_mutex_unlock(&t->mtx);
  return ret;
}

tfdc_rc rpc_tls_server(const struct rpc_server_options *o, struct rpc_tls_state **ret, struct tfdc_error *err) {
  struct pems p;
  if (o->tls->cert == NULL) return tfdc_fail(err, TFDC_E_CONFIG_VALUE, "TLS needs a certificate and its key");
  TFDC_TRY(load(o->tls, &p, err));
  pems_deinit(&p);
  struct rpc_tls_state *t = calloc(1, sizeof *t);
  if (t == NULL) return tfdc_fail(err, TFDC_E_NOMEM, "TLS");
  (void)pthread_mutex_init(&t->mtx, NULL);
  t->cert = strdup(o->tls->cert);
  t->key = strdup(o->tls->key);
  t->ca = strdup(o->tls->ca);
  t->event = o->event;
  t->user = o->user;
  if (t->cert == NULL || t->key == NULL || t->ca == NULL) {
    rpc_tls_destroy(t);
    return tfdc_fail(err, TFDC_E_NOMEM, "TLS");
  }
  *ret = t;
  return TFDC_OK;
}

grpc_server_credentials *rpc_tls_server_credentials(struct rpc_tls_state *t) {
  (void)pthread_mutex_lock(&t->mtx);
  t->loaded = false; /* new credentials begin empty */
  (void)pthread_mutex_unlock(&t->mtx);
  return grpc_ssl_server_credentials_create_with_options(
      grpc_ssl_server_credentials_create_options_using_config_fetcher(
          GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY, fetch, t));
}

void rpc_tls_destroy(struct rpc_tls_state *t) {
  if (t == NULL) return;
  (void)pthread_mutex_destroy(&t->mtx);
  free(t->cert);
  free(t->key);
  free(t->ca);
  free(t);
}

/* ---- client ---- */
tfdc_rc rpc_tls_client_credentials(const struct rpc_tls *files, grpc_channel_credentials **ret,
                                   struct tfdc_error *err) {
  struct pems p;
  TFDC_TRY(load(files, &p, err));
  grpc_ssl_pem_key_cert_pair pair = {p.key, p.cert};
  *ret = grpc_ssl_credentials_create_ex(p.ca, p.cert == NULL ? NULL : &pair, NULL, NULL);
  pems_deinit(&p);
  return *ret == NULL ? tfdc_fail(err, TFDC_E_CONFIG_VALUE, "credentials from %s were refused", files->ca) : TFDC_OK;
}
