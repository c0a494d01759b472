package protocol_test

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"

	"sori/protocol"
)

func FuzzDecodeClient(f *testing.F) {
	for _, m := range clientMessages() {
		data, err := protocol.EncodeClient(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(`{"type":"session.resume","session":"s-1","key":"k","seen":17,"forgotten":null,"live":""}`))
	f.Add([]byte(strings.Repeat("[", 100)))
	f.Add([]byte(`{"type":"text","text":"\ud800"}`))
	f.Add([]byte(`{"type":"session.configure","input":{"rate":1e4,"rate":2}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := protocol.DecodeClient(data)
		if err != nil {
			wrong, ok := errors.AsType[*protocol.DecodeError](err)
			if !ok || wrong.Code == "" || wrong.Message == "" || m != nil {
				t.Fatalf("got %v, %#v", m, err)
			}
			return
		}
		again, err := protocol.EncodeClient(m)
		if err != nil {
			t.Fatal(err)
		}
		m2, err := protocol.DecodeClient(again)
		if err != nil || !reflect.DeepEqual(m, m2) {
			t.Fatalf("%s became %#v, then %#v, %v", data, m, m2, err)
		}
	})
}

func FuzzDecodeEvent(f *testing.F) {
	for i, e := range serverEvents() {
		data, err := protocol.AppendEvent(nil, protocol.Head{Seq: uint64(i), Turn: i, MS: int64(i)}, e)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(`{"type":"turn.done","record":{"started_at":"0000-01-01T00:00:00+23:59"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		head, e, err := protocol.DecodeEvent(data)
		if err != nil {
			if _, ok := errors.AsType[*protocol.DecodeError](err); !ok || e != nil {
				t.Fatalf("got %v, %#v", e, err)
			}
			return
		}
		again, err := protocol.AppendEvent(nil, head, e)
		if err != nil {
			t.Fatal(err)
		}
		head2, e2, err := protocol.DecodeEvent(again)
		if err != nil || head2 != head {
			t.Fatalf("%s became %v, %v", data, head2, err)
		}
		third, err := protocol.AppendEvent(nil, head2, e2)
		if err != nil || !bytes.Equal(third, again) {
			t.Fatalf("%s became %s, then %s, %v", data, again, third, err)
		}
	})
}
