package llama

// OpenWith opens a model on a machine that has so much memory free, in bytes.
func (l *Library) OpenWith(path string, o Options, free uint64) (*Responder, error) {
	return l.open(path, o, func() uint64 { return free })
}
