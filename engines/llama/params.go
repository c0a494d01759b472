package llama

import "errors"

// The C structs that llama.cpp passes by value, as its version 0.5 lays them
// out. They have no version number of their own: [checkDefaults] compares what
// the library says about itself before anything else is called.

// modelParams is struct llama_model_params.
type modelParams struct {
	Devices              uintptr
	TensorOverrides      uintptr
	GPULayers            int32
	SplitMode            int32
	LoadMode             int32
	LazyMode             int32
	MainGPU              int32
	_                    int32
	TensorSplit          uintptr
	ProgressCallback     uintptr
	ProgressCallbackData uintptr
	KVOverrides          uintptr
	VocabOnly            uint8
	CheckTensors         uint8
	UseExtraBuffers      uint8
	NoHost               uint8
	NoAlloc              uint8
	LoadMTP              uint8
	_                    uint16
}

// contextParams is struct llama_context_params.
type contextParams struct {
	Ctx               uint32
	Batch             uint32
	UBatch            uint32
	SeqMax            uint32
	RSSeq             uint32
	OutputsMax        uint32
	OutputsMaxPerSeq  uint32
	Threads           int32
	ThreadsBatch      int32
	CtxType           int32
	RopeScaling       int32
	Pooling           int32
	Attention         int32
	FlashAttention    int32
	RopeFreqBase      float32
	RopeFreqScale     float32
	YarnExtFactor     float32
	YarnAttnFactor    float32
	YarnBetaFast      float32
	YarnBetaSlow      float32
	YarnOrigCtx       uint32
	DefragThreshold   float32
	EvalCallback      uintptr
	EvalCallbackData  uintptr
	TypeK             int32
	TypeV             int32
	AbortCallback     uintptr
	AbortCallbackData uintptr
	Embeddings        uint8
	OffloadKQV        uint8
	NoPerf            uint8
	OpOffload         uint8
	SWAFull           uint8
	KVUnified         uint8
	_                 uint16
	Samplers          uintptr
	SamplersLen       uint64
	CtxOther          uintptr
}

// batch is struct llama_batch.
type batch struct {
	Tokens int32
	_      int32
	Token  uintptr // int32 each
	Embd   uintptr
	Pos    uintptr // int32 each
	SeqN   uintptr // int32 each
	Seq    uintptr // a pointer to int32 each
	Logits uintptr // int8 each
}

// chatMessage is struct llama_chat_message.
type chatMessage struct {
	role    *byte
	content *byte
}

const typeF16 = 1 // GGML_TYPE_F16

// checkDefaults says whether the structs that the library fills are the ones
// declared here: a field that moved shows in its default.
func checkDefaults(m *modelParams, c *contextParams) error {
	switch {
	case m.GPULayers != -1, m.SplitMode != 1, m.LoadMode != -1, m.MainGPU != 0, m.ProgressCallback != 0, m.KVOverrides != 0,
		m.VocabOnly != 0, m.CheckTensors != 0, m.UseExtraBuffers != 1, m.NoHost != 0, m.NoAlloc != 0, m.LoadMTP != 0:
		return errors.New("its model parameters are laid out in another way")
	case c.Ctx != 512, c.Batch != 2048, c.UBatch != 512, c.SeqMax != 1, c.Threads != 4, c.ThreadsBatch != 4,
		c.RopeScaling != -1, c.Pooling != -1, c.Attention != -1, c.FlashAttention != -1,
		c.YarnExtFactor != -1, c.YarnBetaSlow != -1, c.DefragThreshold != -1, c.EvalCallback != 0,
		c.TypeK != typeF16, c.TypeV != typeF16, c.AbortCallback != 0, c.Embeddings != 0,
		c.OffloadKQV != 1, c.OpOffload != 1, c.SWAFull != 1, c.KVUnified != 0, c.SamplersLen != 0, c.CtxOther != 0:
		return errors.New("its context parameters are laid out in another way")
	}
	return nil
}
