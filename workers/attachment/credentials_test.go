package attachment

import (
	"testing"
	"time"

	"github.com/minio/minio-go/v7/pkg/credentials"
)

// countedChain is a chain that is asked, and has keys or not.
type countedChain struct {
	asked int
	value credentials.Value
}

func (c *countedChain) RetrieveWithCredContext(*credentials.CredContext) (credentials.Value, error) {
	c.asked++
	return c.value, nil
}
func (c *countedChain) Retrieve() (credentials.Value, error) { return c.RetrieveWithCredContext(nil) }
func (c *countedChain) IsExpired() bool                      { return true }

func TestAChainWithoutKeysIsNotAskedForEachFile(t *testing.T) {
	t.Parallel()
	now := time.Unix(1700000000, 0)
	chain := &countedChain{}
	p := &provider{clock: func() time.Time { return now }, chain: credentials.New(chain), access: text(""), secret: text("")}
	get := func(want string) {
		t.Helper()
		if v, err := p.Retrieve(); err != nil || v.AccessKeyID != want {
			t.Errorf("%+v, %v", v, err)
		}
	}
	for range 5 {
		get("")
	}
	if chain.asked != 1 {
		t.Errorf("asked %d times", chain.asked)
	}
	now = now.Add(anonymousFor)
	chain.value = credentials.Value{AccessKeyID: "from the chain", SecretAccessKey: "s"}
	get("from the chain")
	p.access = text("configured")
	get("configured")
}
