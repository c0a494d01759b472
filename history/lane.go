package history

import (
	"fmt"
	"slices"
	"time"
)

// lane is one user's way to the store: its turns get there in the order of
// items. A user without anything that waits or flies has no lane. Guarded by
// the Keeper's mu.
type lane struct {
	user     string
	items    []*item       // waiting, oldest first
	inFlight int           // calls of Append that are under way
	idle     chan struct{} // closed when inFlight falls to 0; nil when nobody waits
	deleting int           // calls of DeleteUser that are under way
	queued   bool          // in the Keeper's queue
}

// item is a turn that waits.
type item struct {
	seq   int64 // when it was set aside, in nanoseconds since 1970; unique
	size  int64 // bytes of its record
	place place
	file  string // when it is inFile
	turn  *Turn  // when it is not
	held  bool   // toFile, and keeps its room in memory for the case that it fails
	gone  bool   // stored, or deleted
}

// place says where an item is.
type place int

const (
	inMemory place = iota
	toFile         // in memory, on its way to a file in which it has room
	inFile
)

// room counts what the bounds are about.
type room struct {
	files, memory          int
	fileBytes, memoryBytes int64
}

// lane gives the user's lane. Called with mu held.
func (k *Keeper) lane(user string) *lane {
	l := k.lanes[user]
	if l == nil {
		l = &lane{user: user}
		k.lanes[user] = l
	}
	return l
}

// forget removes a lane that has nothing to do. Called with mu held.
func (k *Keeper) forget(l *lane) {
	if len(l.items) == 0 && l.inFlight == 0 && l.deleting == 0 && k.lanes[l.user] == l && !l.queued {
		delete(k.lanes, l.user)
	}
}

// landed ends a call of Append. Called with mu held.
func (k *Keeper) landed(l *lane) {
	l.inFlight--
	if l.inFlight == 0 && l.idle != nil {
		close(l.idle)
		l.idle = nil
	}
}

// enqueue lets the drain see the lane. Called with mu held.
func (k *Keeper) enqueue(l *lane) {
	if !l.queued && len(l.items) > 0 && l.deleting == 0 {
		l.queued = true
		k.queue = append(k.queue, l)
	}
}

// setAside puts a turn at the lane's end: on its way to a file when there is
// room on the disk, else in memory with an error, else nowhere (nil, ErrLost).
// Called with mu held.
func (k *Keeper) setAside(l *lane, t Turn, record []byte) (*item, error) {
	it := &item{size: int64(len(record)), turn: &t}
	var err error
	if !k.reserveFile(it) {
		err = fmt.Errorf("the spool is full: %d turns, %d bytes", k.room.files, k.room.fileBytes)
		if !k.reserveMemory(it) {
			return nil, k.lost(err)
		}
	}
	k.last = max(k.last+1, time.Now().UnixNano())
	it.seq = k.last
	l.items = append(l.items, it)
	k.enqueue(l)
	return it, err
}

func (k *Keeper) lost(reason error) error {
	return fmt.Errorf("%w: memory holds %d turns already: %w", ErrLost, k.room.memory, reason)
}

// reserveFile takes room on the disk. Called with mu held.
func (k *Keeper) reserveFile(it *item) bool {
	if k.room.files >= k.o.MaxFiles || k.room.fileBytes+it.size > k.o.MaxFileBytes {
		return false
	}
	it.place = toFile
	k.room.files++
	k.room.fileBytes += it.size
	return true
}

// reserveMemory takes room in memory. Called with mu held.
func (k *Keeper) reserveMemory(it *item) bool {
	if k.room.memory >= k.o.MaxMemory || k.room.memoryBytes+it.size > k.o.MaxMemoryBytes {
		return false
	}
	it.place = inMemory
	k.room.memory++
	k.room.memoryBytes += it.size
	return true
}

// reserveRescue takes room on the disk for an item in memory. Called with mu held.
func (k *Keeper) reserveRescue(it *item) bool {
	it.held = k.reserveFile(it)
	return it.held
}

// free gives the item's room back. Called with mu held.
func (k *Keeper) free(it *item) {
	if it.place == inMemory || it.held {
		k.room.memory--
		k.room.memoryBytes -= it.size
	}
	if it.place != inMemory {
		k.room.files--
		k.room.fileBytes -= it.size
	}
}

// toDisk writes an item that has room there into its file. When that fails the
// item stays in memory, or is dropped when there is no room (ErrLost).
func (k *Keeper) toDisk(l *lane, it *item, record []byte) error {
	name, err := k.spool.put(it.seq, record)
	k.mu.Lock()
	switch {
	case it.gone: // the drain was quicker, or the user is deleted
		k.free(it)
		k.mu.Unlock()
		if err == nil {
			k.discard(name)
		}
		return nil
	case err == nil:
		k.free(it)
		it.place, it.held, it.file, it.turn = inFile, false, name, nil
		k.room.files++
		k.room.fileBytes += it.size
	default:
		k.free(it)
		it.held = false
		if !k.reserveMemory(it) {
			l.take(it)
			k.forget(l)
			err = k.lost(err)
		}
	}
	k.mu.Unlock()
	return err
}

// take takes the item out of the lane.
func (l *lane) take(it *item) {
	it.gone = true
	if len(l.items) > 0 && l.items[0] == it {
		l.items[0] = nil
		l.items = l.items[1:]
		return
	}
	l.items = slices.DeleteFunc(l.items, func(x *item) bool { return x == it })
}

// remove takes the item out of the lane, and gives the file that is to go, or
// "". ok is false when it was gone already. Called with mu held.
func (k *Keeper) remove(l *lane, it *item) (file string, ok bool) {
	if it.gone {
		return "", false
	}
	l.take(it)
	if it.place == toFile { // who writes it sees that it's gone
		return "", true
	}
	k.free(it)
	return it.file, true
}
