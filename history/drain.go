package history

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"
)

const (
	// visit is how many turns of one user the drain stores before the next
	// user's: nobody waits for one with a long backlog.
	visit = 16
	// patience is how many users' turns the store may refuse one after the other
	// before a round ends. More than one: what one user's turns suffer from,
	// another's may not.
	patience = 3
	// drainers is how many users' turns are stored at once, when the store works:
	// a backlog shrinks though new turns arrive and each call takes its time.
	drainers = 8
)

// Run brings what waits to the store until ctx ends. It gives ctx's cause.
func (k *Keeper) Run(ctx context.Context) error {
	wait := time.Duration(0) // what an earlier process left is tried at once
	for {
		if !k.unfinished() {
			wait = k.o.MinBackoff
			select {
			case <-k.wake:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		if err := sleep(ctx, wait); err != nil {
			return err
		}
		stored, err := k.round(ctx)
		if err == nil || stored > 0 {
			wait = k.o.MinBackoff
		} else {
			wait = min(max(2*wait, k.o.MinBackoff), k.o.MaxBackoff)
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// unfinished says whether the drain has something to do: turns that wait, or a
// store that is down and may be back.
func (k *Keeper) unfinished() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.queue) > 0 || k.down != nil
}

// round goes through the users whose turns wait, once. It gives how many turns
// it stored, and an error when the store refused one.
func (k *Keeper) round(ctx context.Context) (stored int, err error) {
	select {
	case k.draining <- struct{}{}:
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
	defer func() { <-k.draining }()

	r := &progress{left: k.waitingLanes()}
	k.work(ctx, r, true)
	if r.stored > 0 {
		var wg sync.WaitGroup
		for range min(drainers, r.left) {
			wg.Go(func() { k.work(ctx, r, false) })
		}
		wg.Wait()
	}
	if ctx.Err() != nil {
		return r.stored, context.Cause(ctx)
	}
	if r.err == nil && !k.waits() && k.isDown() {
		r.err = k.probe(ctx)
	}
	k.mu.Lock()
	k.stuck = r.err
	k.mu.Unlock()
	if r.err != nil {
		k.rescue()
	}
	return r.stored, r.err
}

// progress is that of one round.
type progress struct {
	mu      sync.Mutex
	left    int // users to visit
	refused int // in a row
	stored  int
	err     error // why the last one was refused
}

// next says whether there is another user to visit.
func (r *progress) next() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.left--
	return r.left >= 0 && r.refused < patience
}

func (r *progress) note(stored int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stored += stored
	switch {
	case err != nil:
		r.refused++
		r.err = err
	case stored > 0:
		r.refused = 0
	}
}

// work visits one user after the other: all that are left, or, as a trial, until
// something is stored.
func (k *Keeper) work(ctx context.Context, r *progress, trial bool) {
	for ctx.Err() == nil && r.next() {
		l := k.nextLane()
		if l == nil {
			return
		}
		stored, err := k.drain(ctx, l)
		r.note(stored, err)
		if trial && stored > 0 {
			return
		}
	}
}

// probe asks the store itself when nothing waits that would tell.
func (k *Keeper) probe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, k.o.Timeout)
	defer cancel()
	if err := k.store.Ping(ctx); err != nil {
		return err
	}
	k.setUp()
	return nil
}

func (k *Keeper) isDown() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.down != nil
}

func (k *Keeper) waits() bool { return k.waitingLanes() > 0 }

func (k *Keeper) waitingLanes() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.queue)
}

// nextLane takes the lane that waited longest out of the queue.
func (k *Keeper) nextLane() *lane {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.queue) == 0 {
		return nil
	}
	l := k.queue[0]
	k.queue = k.queue[1:]
	l.queued = false
	return l
}

// drain stores some turns of the lane and puts it back into the queue when more
// are there.
func (k *Keeper) drain(ctx context.Context, l *lane) (stored int, err error) {
	for range visit {
		more, e := k.drainOne(ctx, l)
		if e != nil {
			err = e
			break
		}
		if !more {
			break
		}
		stored++
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.enqueue(l)
	k.forget(l)
	return stored, err
}

// drainOne stores the lane's first turn; more is false when there is none.
func (k *Keeper) drainOne(ctx context.Context, l *lane) (more bool, err error) {
	k.mu.Lock()
	if len(l.items) == 0 || l.deleting > 0 {
		k.mu.Unlock()
		return false, nil
	}
	it := l.items[0]
	file, turn := it.file, it.turn
	l.inFlight++
	k.mu.Unlock()
	defer func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.landed(l)
	}()

	if turn == nil {
		if turn, err = k.readItem(file); turn == nil && err == nil {
			k.finish(l, it)
			return true, nil
		}
	}
	if err == nil {
		err = k.append(ctx, *turn)
	}
	switch {
	case errors.Is(err, ErrInvalid):
		k.reject(l, it, turn, err)
		return true, nil
	case err != nil:
		return false, err
	}
	k.finish(l, it)
	k.setUp()
	return true, nil
}

// finish ends the item's wait.
func (k *Keeper) finish(l *lane, it *item) {
	k.mu.Lock()
	file, _ := k.remove(l, it)
	k.mu.Unlock()
	if file != "" {
		k.discard(file)
	}
}

// reject puts an item away that no store takes. turn is nil when its file holds
// no turn.
func (k *Keeper) reject(l *lane, it *item, turn *Turn, reason error) {
	k.mu.Lock()
	file, ok := k.remove(l, it)
	k.mu.Unlock()
	if !ok {
		return // its user is deleted
	}
	var record []byte
	if turn != nil {
		var err error
		if record, err = EncodeTurn(turn); err != nil {
			reason = errors.Join(reason, err)
		}
	}
	k.quarantine(file, record, reason)
}

// readItem reads a turn from its file; nil, without an error, when the file is
// gone: somebody took it away.
func (k *Keeper) readItem(file string) (*Turn, error) {
	data, err := k.spool.read(file)
	if errors.Is(err, fs.ErrNotExist) {
		k.o.Log.Warn("a turn is gone from the spool", "file", file)
		return nil, nil //nolint:nilnil // said above
	}
	if err != nil {
		return nil, err
	}
	t, err := DecodeTurn(data)
	if err != nil {
		return nil, err
	}
	return &t, nil
}

// quarantine keeps a turn that no store takes where an operator finds it, and
// where it is in nobody's way.
func (k *Keeper) quarantine(file string, record []byte, reason error) {
	var bad string
	var err error
	switch {
	case file != "":
		bad, err = k.spool.reject(file)
	case record != nil:
		bad, err = k.spool.putBad(time.Now().UnixNano(), record)
	}
	k.mu.Lock()
	k.bad++
	k.mu.Unlock()
	if err != nil {
		k.o.Log.Error("a turn that no store takes can't be put away", "file", file, "error", errors.Join(reason, err))
		return
	}
	k.o.Log.Error("a turn that no store takes is put away", "file", bad, "error", reason)
}

// discard removes a file that is of no use any more. Failing costs nothing but
// its room: its turn is stored again at the next start, which changes nothing.
func (k *Keeper) discard(file string) {
	if err := k.spool.drop(file); err != nil {
		k.o.Log.Warn("a stored turn stays in the spool", "file", file, "error", err)
	}
}

// rescue moves turns that are only in memory to the disk, should it have room
// again.
func (k *Keeper) rescue() {
	for {
		k.mu.Lock()
		l, it := k.memoryItem()
		if it == nil || !k.reserveRescue(it) {
			k.mu.Unlock()
			return
		}
		turn := it.turn
		k.mu.Unlock()
		record, err := EncodeTurn(turn)
		if err == nil {
			err = k.toDisk(l, it, record)
		}
		if err != nil {
			return // the disk is still full
		}
	}
}

// memoryItem gives a turn that is only in memory. Called with mu held.
func (k *Keeper) memoryItem() (*lane, *item) {
	if k.room.memory == 0 {
		return nil, nil
	}
	for _, l := range k.lanes {
		for _, it := range l.items {
			if it.place == inMemory {
				return l, it
			}
		}
	}
	return nil, nil
}

// Close makes a last attempt, until ctx ends, to bring everything to the store,
// and moves what is only in memory to the disk. What waits on the disk is safe:
// that is no error. It returns ErrLost when turns are in memory still. The
// owner has ended the sessions and Run before; Close does not close the store.
func (k *Keeper) Close(ctx context.Context) error {
	wait := k.o.MinBackoff
	for k.waits() {
		_, err := k.round(ctx)
		if err == nil {
			continue
		}
		k.rescue() // with the last of ctx, too
		s := k.Status()
		if s.InMemory == 0 {
			return nil
		}
		if sleep(ctx, wait) != nil {
			return fmt.Errorf("%w: %d turns are only in memory: %w", ErrLost, s.InMemory, err)
		}
		wait = min(2*wait, k.o.MaxBackoff)
	}
	return nil
}
