package ort

import "fmt"

// Call is a run whose tensors stay the same from one time to the next: the
// caller writes the inputs' views and reads the outputs' views. Running it
// allocates nothing. One goroutine uses it at a time.
type Call struct {
	s       *Session
	ins     int
	handles []uintptr // C: the values' handles, inputs first
	addr    uintptr   // C: where handles lies
	// args are those of the C call, kept because a fresh list would be allocated.
	args []uintptr
}

// Prepare makes a call. in has one value for each of Inputs. out has one for
// each of Outputs, with the shape that the model gives, or is nil: then each run
// makes new ones. The values must outlive the call.
func (s *Session) Prepare(in, out []*Value) (*Call, error) {
	if len(in) != len(s.inputs) || out != nil && len(out) != len(s.outputs) {
		return nil, fmt.Errorf("onnxruntime: %d values in and %d out, want %d and %d", len(in), len(out), len(s.inputs), len(s.outputs))
	}
	for i, v := range in {
		if v == nil || v.h == 0 {
			return nil, fmt.Errorf("%w: the value for %s", ErrClosed, s.inputs[i])
		}
	}
	for i, v := range out {
		if v == nil || v.h == 0 {
			return nil, fmt.Errorf("%w: the value for %s", ErrClosed, s.outputs[i])
		}
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.h == 0 {
		return nil, fmt.Errorf("%w: %s", ErrClosed, s.model)
	}
	handles, addr, err := s.r.block(max(len(s.inputs)+len(s.outputs), 1))
	if err != nil {
		return nil, err
	}
	for i, v := range in {
		handles[i] = v.h
	}
	for i, v := range out {
		handles[len(in)+i] = v.h
	}
	ins := uintptr(len(in))
	return &Call{
		s: s, ins: len(in), handles: handles, addr: addr,
		args: []uintptr{argSession: 0, argOptions: 0, s.names, addr, ins, s.names + ins*8, uintptr(len(s.outputs)), addr + ins*8},
	}, nil
}

// Positions of the arguments that are set by each run.
const (
	argSession = 0
	argOptions = 1
)

// Run runs the model once. It can't be cancelled: it is for small models.
func (c *Call) Run() error { return c.run(0) }

func (c *Call) run(options uintptr) error {
	s := c.s
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.h == 0 || c.addr == 0 {
		return fmt.Errorf("%w: %s", ErrClosed, s.model)
	}
	c.args[argSession], c.args[argOptions] = s.h, options
	return s.r.api.call("running the model", fnRun, c.args...)
}

// takeOutputs gives the values that the run made.
func (c *Call) takeOutputs() []*Value {
	made := c.handles[c.ins : c.ins+len(c.s.outputs)]
	vs := make([]*Value, len(made))
	for i, h := range made {
		vs[i] = &Value{r: c.s.r, h: h}
	}
	return vs
}

// Close frees the call, not its values. Closing twice does nothing.
func (c *Call) Close() {
	c.s.r.free(c.addr)
	c.addr, c.handles = 0, nil
}
