package ciso

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestOnlyTheMembersThatAreWantedAreDecoded(t *testing.T) {
	t.Parallel()
	body := `{"next":null,"count":7,"results":[{"id":"a","folder":{"str":"f","id":"1"},"big":[1,{"x":null}],"n":1.50,"\u0069d2":true},3,{"id":"b"}],"more":{}}`
	var page list
	if err := decodeAnswer([]byte(body), &page, []string{"id", "folder", "n", "id2"}); err != nil {
		t.Fatal(err)
	}
	want := list{Count: 7, Results: []row{
		{"id": "a", "folder": map[string]any{"str": "f", "id": "1"}, "n": json.Number("1.50"), "id2": true}, nil, {"id": "b"},
	}}
	if diff := cmp.Diff(want, page); diff != "" {
		t.Error(diff)
	}
}

func FuzzRowsAreReadAsJSONIs(f *testing.F) {
	for _, seed := range []string{
		`{"a":1,"b":[true,null,"x\u00e9\ud83d\ude00"],"c":{"d":-1.5e3}}`, `{}`, `{"a":{}}`, `{"a":[]}`, `{"a":1}x`, `{"a"`, `{"a":1,"a":2}`, "{\"\xff\":\"\xff\"}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var got row
		gotErr := decodeAnswer(body, &got, nil)
		var want map[string]any
		if decode(body, &want) != nil || want == nil {
			return // this reading may be as lenient as it likes
		}
		if gotErr != nil || !reflect.DeepEqual(map[string]any(got), want) {
			t.Errorf("%q: %v %#v, want %#v", body, gotErr, got, want)
		}
	})
}
