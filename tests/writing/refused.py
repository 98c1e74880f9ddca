"""Statements that NumPy refuses."""

# {w}: an array; {shape}: its shape; {n}: more than its length
REFUSED = [
    *("{w}[{n}] = 0.5", "{w}[[0, {n}]] += 1.0", "{w}[..., 99] = v0", "{w}[-{n}] *= 2.0", "{w}[0.5] = 1.0"),
    *("{w}[...] = np.ones(77)", "{w}[...] = np.ones((5, *{shape}))", "{w} += np.ones((5, *{shape}))", "{w} += np.ones(77)"),
    *("{w} *= np.ones((3, 7, 1))", "np.broadcast_to({w}, (2, *{shape}))[0] = 1.0", "np.broadcast_to({w}, (2, *{shape}))[...] += {w}"),
    *("np.zeros({shape}, dtype=int).__iadd__({w})", "k = np.zeros({shape}, dtype=int)\nk += {w}", "{w} += 'a'"),
    *("k = np.zeros({shape}, dtype=int)\nnp.add({w}, 1.0, out=k)", "np.add({w}, 1.0, out=0.5)", "{w}.real[...] += 1j"),
    *("np.add({w}, {w}, out={w}[None])", "np.put({w}, [{n} * 99], 1.0)", "np.copyto({w}, np.ones(77))"),
    *("k = np.zeros({shape}, dtype=int)\nnp.copyto(k, {w})", "np.fill_diagonal(np.ravel({w}), 1.0)", "{w}.fill([0.5, 1.0])"),
    *("np.add.at({w}, [{n} * 99], 1.0)", "{w}.sort(axis=9)", "np.sum({w})[...] = 1.0", "np.sum({w})[0] = 1.0"),
    *("np.sin(np.sum({w}))[()] += 1.0", "{w}[np.ones({n}, dtype=bool)] = 0.5", "np.putmask({w}, np.ones(77, dtype=bool), v0)"),
    *("np.place({w}, np.ones(77, dtype=bool), [1.0])", "{w}[0, 0, 0, 0, 0] = 1.0", "{w}['a'] = 1.0", "{w}[None, {n}] = 1.0"),
    *("np.put_along_axis({w}, np.zeros({shape}), 1.0, axis=-1)", "{w}.reshape(-1)[[0, 99]] = 1.0", "{w}.T[{n}, ..., 99] = 1.0"),
    *("np.multiply({w}, np.ones(77), out={w})", "np.sin({w}, out=np.zeros(77))", "{w}[:, :, :, :, :] = 1.0"),
]  # fmt: skip
