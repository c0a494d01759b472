package ort

import (
	"context"
	"fmt"
	"os"
	"sync"
)

// SessionOptions tune a session. The zero value is a good start.
type SessionOptions struct {
	// Threads that one run uses, 1 when 0. Several runs at once use their own
	// goroutines' threads anyhow, so more than 1 rarely pays on a server.
	Threads int
	// FixedShapes says that all runs have the same shapes; memory is then laid
	// out once. With shapes that vary the layouts would pile up.
	FixedShapes bool
}

// Session is a loaded model. All methods may be called from many goroutines.
type Session struct {
	r       *Runtime
	model   string
	inputs  []string
	outputs []string
	names   uintptr   // C: the names' addresses, inputs first, as C wants them
	owned   []uintptr // C: what Close frees

	// mu is held for reading by each run and for writing by Close, so that no
	// run meets a model that is gone.
	mu sync.RWMutex
	h  uintptr
}

// OpenSession loads a model from a file. The model is checked, and compiled for
// this processor; that takes from 40 ms to a second.
func (r *Runtime) OpenSession(model string, o SessionOptions) (*Session, error) {
	if _, err := os.Stat(model); err != nil {
		return nil, fmt.Errorf("onnxruntime: the model: %w", err)
	}
	return r.session(model, nil, o)
}

// OpenModel loads a model that lies in memory, which is not used afterwards.
// name stands for it in errors.
func (r *Runtime) OpenModel(name string, model []byte, o SessionOptions) (*Session, error) {
	if len(model) == 0 {
		return nil, fmt.Errorf("onnxruntime: the model %s is empty", name)
	}
	return r.session(name, model, o)
}

// session loads a model from the file name, or from memory where it lies there.
func (r *Runtime) session(name string, model []byte, o SessionOptions) (*Session, error) {
	s := &Session{r: r, model: name}
	if err := s.open(model, o); err != nil {
		s.Close()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return s, nil
}

func (s *Session) open(model []byte, o SessionOptions) error {
	a := s.r.api
	var p args
	defer p.done()
	out, addr := p.out(2)
	if err := a.call("making options", fnCreateSessionOptions, addr); err != nil {
		return err
	}
	options := out[0]
	defer a.release(fnReleaseSessionOptions, options)
	if err := s.setOptions(options, o); err != nil {
		return err
	}
	var err error
	if model == nil {
		err = a.call("loading the model", fnCreateSession, s.r.env, p.text(s.model), options, addr+8)
	} else {
		err = a.call("loading the model", fnCreateSessionOf, s.r.env, p.bytes(model), uintptr(len(model)), options, addr+8)
	}
	if err != nil {
		return err
	}
	s.h = out[1]
	return s.readNames()
}

func (s *Session) setOptions(options uintptr, o SessionOptions) error {
	a := s.r.api
	var p args
	defer p.done()
	threads := max(o.Threads, 1)
	if err := a.call("setting threads", fnSetIntraOpThreads, options, uintptr(threads)); err != nil {
		return err
	}
	if err := a.call("setting threads", fnSetInterOpThreads, options, 1); err != nil {
		return err
	}
	// Threads that wait must not burn the cores that the server needs.
	if err := a.call("turning spinning off", fnAddSessionConfig, options, p.text("session.intra_op.allow_spinning"), p.text("0")); err != nil {
		return err
	}
	if o.FixedShapes {
		return nil
	}
	return a.call("turning memory patterns off", fnDisableMemPattern, options)
}

// readNames keeps the names of inputs and outputs, for Go and for C.
func (s *Session) readNames() error {
	a := s.r.api
	var p args
	defer p.done()
	out, addr := p.out(3)
	if err := a.call("counting inputs", fnSessionInputCount, s.h, addr); err != nil {
		return err
	}
	if err := a.call("counting outputs", fnSessionOutputCount, s.h, addr+8); err != nil {
		return err
	}
	ins, outs := int(out[0]), int(out[1])
	words, at, err := s.r.block(max(ins+outs, 1))
	if err != nil {
		return err
	}
	s.names, s.owned = at, append(s.owned, at)
	for i := range ins + outs {
		fn, k := fnSessionInputName, i
		if i >= ins {
			fn, k = fnSessionOutputName, i-ins
		}
		if err := a.call("reading a name", fn, s.h, uintptr(k), s.r.alloc, addr+16); err != nil {
			return err
		}
		words[i] = out[2]
		s.owned = append(s.owned, out[2])
		if i < ins {
			s.inputs = append(s.inputs, goString(out[2]))
		} else {
			s.outputs = append(s.outputs, goString(out[2]))
		}
	}
	return nil
}

// Inputs are the names of the model's inputs, in the order in which Run takes
// them. The caller must not change the slice.
func (s *Session) Inputs() []string { return s.inputs }

// Outputs are the names of the model's outputs, in the order in which Run gives
// them. The caller must not change the slice.
func (s *Session) Outputs() []string { return s.outputs }

// Close waits for runs to end and frees the model. Closing twice does nothing.
func (s *Session) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.r.api.release(fnReleaseSession, s.h)
	s.h = 0
	for _, addr := range s.owned {
		s.r.free(addr)
	}
	s.owned, s.names = nil, 0
}

// Run takes one value for each of Inputs and gives one for each of Outputs,
// which the caller frees. When ctx ends, the run stops between two operations of
// the model and gives ctx's cause.
func (s *Session) Run(ctx context.Context, in []*Value) ([]*Value, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	c, err := s.Prepare(in, nil)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	options, release, err := s.runOptions(ctx)
	if err != nil {
		return nil, err
	}
	err = c.run(options)
	release()
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, err
	}
	return c.takeOutputs(), nil
}

// runOptions gives options that end a run together with ctx. release waits until
// nothing touches them any more.
func (s *Session) runOptions(ctx context.Context) (options uintptr, release func(), err error) {
	if ctx.Done() == nil {
		return 0, func() {}, nil
	}
	a := s.r.api
	var p args
	defer p.done()
	out, addr := p.out(1)
	if err := a.call("making run options", fnCreateRunOptions, addr); err != nil {
		return 0, nil, err
	}
	options = out[0]
	fired := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(fired)
		// It fails for nil options only; then the run just goes on to its end.
		_ = a.call("ending a run", fnRunSetTerminate, options)
	})
	return options, func() {
		if !stop() {
			<-fired
		}
		a.release(fnReleaseRunOptions, options)
	}, nil
}
