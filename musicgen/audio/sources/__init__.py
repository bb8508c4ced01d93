"""One reader for each way in which uploads hold sound. Children only: decoders are native code fed with strangers'
files. Each reader gives float blocks at the file's own sample rate, and can be read more than once."""
