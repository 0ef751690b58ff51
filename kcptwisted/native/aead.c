/*
 * AEADs of OpenSSL, with nonces of 12 bytes and tags of 16: a list of datagrams in one call. A packet
 * is nonce, ciphertext and tag.
 *
 * OpenSSL's functions are given by their addresses, so nothing is linked with it. Their declarations
 * have been the same since OpenSSL 1.1.0 (EVP_EncryptInit(3)). This is an extension module of its
 * own because it makes bytes objects, which cffi cannot: to join datagrams and to cut what comes of
 * them costs as much as all that OpenSSL does besides encrypting.
 */
#include <Python.h>

#include <stdint.h>
#include <string.h>

#define NONCE 12
#define TAG 16
#define OVERHEAD (NONCE + TAG)

/* EVP_CTRL_AEAD_GET_TAG, EVP_CTRL_AEAD_SET_TAG */
#define GET_TAG 0x10
#define SET_TAG 0x11

static const char *const NAME = "kcptwisted.native._aead";

typedef struct {
    void *(*new)(void);
    void (*free)(void *context);
    int (*init)(void *context, const void *cipher, void *engine, const uint8_t *key,
                const uint8_t *nonce, int encrypts);
    int (*update)(void *context, uint8_t *out, int *written, const uint8_t *in, int length);
    int (*final)(void *context, uint8_t *out, int *written);
    int (*control)(void *context, int type, int argument, void *pointer);
} functions;

typedef struct {
    functions evp;
    void *sealing, *opening;
} aead;

static void release(aead *one)
{
    if (one->sealing)
        one->evp.free(one->sealing);
    if (one->opening)
        one->evp.free(one->opening);
    PyMem_Free(one);
}

static void forget(PyObject *capsule)
{
    release(PyCapsule_GetPointer(capsule, NAME));
}

static void *keyed(const functions *evp, const void *cipher, const uint8_t *key, int encrypts)
{
    void *context = evp->new();
    if (context && evp->init(context, cipher, NULL, key, NULL, encrypts) != 1) {
        evp->free(context);
        context = NULL;
    }
    return context;
}

static PyObject *make(PyObject *module, PyObject *arguments)
{
    unsigned long long at[7];
    const char *key;
    Py_ssize_t length;
    if (!PyArg_ParseTuple(arguments, "KKKKKKKy#", at, at + 1, at + 2, at + 3, at + 4, at + 5,
                          at + 6, &key, &length))
        return NULL;
    aead *one = PyMem_Malloc(sizeof *one);
    if (!one)
        return PyErr_NoMemory();
    void *pointers[6];
    for (int i = 0; i < 6; i++)
        pointers[i] = (void *)(uintptr_t)at[i];
    memcpy(&one->evp, pointers, sizeof pointers);
    const void *cipher = (const void *)(uintptr_t)at[6];
    one->sealing = keyed(&one->evp, cipher, (const uint8_t *)key, 1);
    one->opening = keyed(&one->evp, cipher, (const uint8_t *)key, 0);
    if (!one->sealing || !one->opening) {
        release(one);
        PyErr_SetString(PyExc_ValueError, "OpenSSL does not take this cipher or key");
        return NULL;
    }
    PyObject *capsule = PyCapsule_New(one, NAME, forget);
    if (!capsule)
        release(one);
    return capsule;
}

static int transform(const functions *evp, void *context, const uint8_t *in, int length,
                     uint8_t *out)
{
    int written = 0;
    /* Without output or input an update may mean something else. */
    return !length || (evp->update(context, out, &written, in, length) == 1 && written == length);
}

static int finish(const functions *evp, void *context)
{
    uint8_t nothing[TAG];
    int written = 0;
    return evp->final(context, nothing, &written) == 1;
}

static int seal_one(const aead *one, const uint8_t *nonce, const uint8_t *in, int length,
                    uint8_t *out)
{
    void *context = one->sealing;
    memcpy(out, nonce, NONCE);
    return one->evp.init(context, NULL, NULL, NULL, nonce, 1) == 1
        && transform(&one->evp, context, in, length, out + NONCE) && finish(&one->evp, context)
        && one->evp.control(context, GET_TAG, TAG, out + NONCE + length) == 1;
}

static int open_one(const aead *one, const uint8_t *in, int length, uint8_t *out)
{
    void *context = one->opening;
    uint8_t tag[TAG];
    memcpy(tag, in + NONCE + length, TAG);
    return one->evp.init(context, NULL, NULL, NULL, in, 0) == 1
        && transform(&one->evp, context, in + NONCE, length, out)
        && one->evp.control(context, SET_TAG, TAG, tag) == 1 && finish(&one->evp, context);
}

/* Steals the reference to the item. */
static int append(PyObject *list, PyObject *item)
{
    int failed = PyList_Append(list, item);
    Py_DECREF(item);
    return !failed;
}

static PyObject *seal_all(PyObject *module, PyObject *arguments)
{
    PyObject *capsule, *datagrams;
    const char *nonces;
    Py_ssize_t room;
    if (!PyArg_ParseTuple(arguments, "Oy#O!", &capsule, &nonces, &room, &PyList_Type,
                          &datagrams))
        return NULL;
    const aead *one = PyCapsule_GetPointer(capsule, NAME);
    Py_ssize_t count = one ? PyList_Size(datagrams) : -1;
    if (count < 0)
        return NULL;
    if (room != NONCE * count) {
        PyErr_Format(PyExc_ValueError, "%zd bytes of nonces for %zd datagrams", room, count);
        return NULL;
    }
    PyObject *packets = PyList_New(0);
    for (Py_ssize_t i = 0; packets && i < count; i++) {
        char *in;
        Py_ssize_t length;
        PyObject *packet = NULL;
        if (PyBytes_AsStringAndSize(PyList_GetItem(datagrams, i), &in, &length))
            goto failed;
        if (length > INT_MAX - OVERHEAD) {
            PyErr_SetString(PyExc_ValueError, "a datagram is too long");
            goto failed;
        }
        packet = PyBytes_FromStringAndSize(NULL, length + OVERHEAD);
        if (!packet)
            goto failed;
        if (!seal_one(one, (const uint8_t *)nonces + NONCE * i, (const uint8_t *)in, (int)length,
                      (uint8_t *)PyBytes_AsString(packet))) {
            Py_DECREF(packet);
            PyErr_SetString(PyExc_RuntimeError, "OpenSSL cannot encrypt");
            goto failed;
        }
        if (append(packets, packet))
            continue;
    failed:
        Py_CLEAR(packets);
    }
    return packets;
}

static PyObject *open_all(PyObject *module, PyObject *arguments)
{
    PyObject *capsule, *packets;
    if (!PyArg_ParseTuple(arguments, "OO!", &capsule, &PyList_Type, &packets))
        return NULL;
    const aead *one = PyCapsule_GetPointer(capsule, NAME);
    Py_ssize_t count = one ? PyList_Size(packets) : -1;
    if (count < 0)
        return NULL;
    PyObject *datagrams = PyList_New(0);
    for (Py_ssize_t i = 0; datagrams && i < count; i++) {
        char *in;
        Py_ssize_t length;
        PyObject *datagram = NULL;
        if (PyBytes_AsStringAndSize(PyList_GetItem(packets, i), &in, &length))
            goto failed;
        if (length < OVERHEAD || length > INT_MAX)
            continue;
        length -= OVERHEAD;
        datagram = PyBytes_FromStringAndSize(NULL, length);
        if (!datagram)
            goto failed;
        if (!open_one(one, (const uint8_t *)in, (int)length, (uint8_t *)PyBytes_AsString(datagram))) {
            Py_DECREF(datagram);
            continue;
        }
        if (append(datagrams, datagram))
            continue;
    failed:
        Py_CLEAR(datagrams);
    }
    return datagrams;
}

static PyMethodDef methods[] = {
    {"make", make, METH_VARARGS,
     "Makes an AEAD of the addresses of EVP_CIPHER_CTX_new, EVP_CIPHER_CTX_free,\n"
     "EVP_CipherInit_ex, EVP_CipherUpdate, EVP_CipherFinal_ex, EVP_CIPHER_CTX_ctrl and of the\n"
     "cipher, and of the key, which must be as long as the cipher takes."},
    {"seal", seal_all, METH_VARARGS,
     "Encrypts a list of datagrams with an AEAD and nonces, joined, into a list of packets."},
    {"open", open_all, METH_VARARGS,
     "Decrypts a list of packets with an AEAD into a list of datagrams, without those that are\n"
     "wrong."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_aead", NULL, 0, methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__aead(void)
{
    return PyModule_Create(&definition);
}
