package history

// WithWrite replaces what writes a file of the spool, durably or not.
func (o KeeperOptions) WithWrite(write func(path string, data []byte) error) KeeperOptions {
	o.write = write
	return o
}

// WriteDurably is what writes a file of the spool otherwise.
func WriteDurably(path string, data []byte) error { return writeDurably(path, data) }

// Room says what the keeper counts towards its bounds.
func Room(k *Keeper) [4]int64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return [4]int64{int64(k.room.files), k.room.fileBytes, int64(k.room.memory), k.room.memoryBytes}
}

// Lanes counts the users that the keeper remembers.
func Lanes(k *Keeper) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.lanes)
}
