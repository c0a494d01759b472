package auth

// Remembered is how many bytes of records the guard remembers, counted anew.
func (g *Guard) Remembered() (n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, s := range g.cached {
		n += len(s.record)
	}
	if n != g.bytes {
		return -1
	}
	return n
}

// Usable is what the keys of a provider go through.
func Usable(text []byte) (set []byte, left []string, err error) { return usable(text) }
