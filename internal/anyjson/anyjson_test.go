package anyjson

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

func standard(text []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return v, d.Decode(&v)
}

func read(text []byte) (v any, err error) {
	err = Lenient(text, func(d *jsontext.Decoder) error {
		v, err = Read(d)
		return err
	})
	return v, err
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
		got, err := read(text)
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("%q: %v instead of %v", text, err, wantErr)
		}
		if err == nil && !reflect.DeepEqual(got, want) {
			t.Fatalf("%q: %#v instead of %#v", text, got, want)
		}
		if err != nil {
			return
		}
		written, err := Append(nil, got)
		if err != nil {
			t.Fatalf("%q cannot be written: %v", text, err)
		}
		if again, err := standard(written); err != nil || !reflect.DeepEqual(again, want) {
			t.Fatalf("%q is written as %q: %v", text, written, err)
		}
	})
}

func TestOtherTypesAreWrittenAsEncodingJSONDoes(t *testing.T) {
	t.Parallel()
	for _, v := range []any{
		map[string]any{"a": []string{"x"}, "b": 1, "c": 1.5, "d": map[string]any(nil), "e": []any(nil), "f": json.Number("-1e5")}, "<&>\u2028\xff", struct{ A int }{1},
	} {
		got, err := Append(nil, v)
		if err != nil {
			t.Fatal(err)
		}
		want, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		a, errA := standard(got)
		b, errB := standard(want)
		if errA != nil || errB != nil || !reflect.DeepEqual(a, b) {
			t.Errorf("%s instead of %s", got, want)
		}
	}
	for _, v := range []any{json.Number("1;2"), func() {}, []any{make(chan int)}, map[string]any{"a": json.Number("x")}} {
		if got, err := Append(nil, v); err == nil {
			t.Errorf("%v is written as %s", v, got)
		}
	}
}

var sample = []byte(`{"observation":"` + string(bytes.Repeat([]byte("x"), 900)) + `","status":"done","priority":1}`)

func BenchmarkRead(b *testing.B) {
	for b.Loop() {
		if _, err := read(sample); err != nil {
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
