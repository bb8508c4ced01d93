"""One reader for each container of sound. Children only: decoders are native code fed with untrusted
files. Each reader gives float blocks at the file's own sample rate, and can be read more than once."""
