package anyjson

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
)

func standard(text []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return v, d.Decode(&v)
}

// FuzzReadIsWhatEncodingJSONReads: on valid text; invalid text both refuse.
func FuzzReadIsWhatEncodingJSONReads(f *testing.F) {
	for _, text := range []string{
		`{"a":1,"b":[true,false,null,"x",{}],"c":{"d":-1.5e10}}`, `[]`, `"\u00e9\ud83d\ude00"`, `"\ud800"`, "\"\xff\"", `{"a":1,"a":2}`, `1e400`, `{"a":}`, `[1,`, ``,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if !json.Valid(text) {
			return
		}
		want, wantErr := standard(text)
		got, err := Read(NewDecoder(text))
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("%q: %v instead of %v", text, err, wantErr)
		}
		if err == nil && !reflect.DeepEqual(got, want) {
			t.Fatalf("%q: %#v instead of %#v", text, got, want)
		}
	})
}

var sample = []byte(`{"observation":"` + string(bytes.Repeat([]byte("x"), 900)) + `","status":"done","priority":1}`)

func BenchmarkRead(b *testing.B) {
	for b.Loop() {
		if _, err := Read(NewDecoder(sample)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncodingJSON(b *testing.B) {
	for b.Loop() {
		if _, err := standard(sample); err != nil {
			b.Fatal(err)
		}
	}
}
