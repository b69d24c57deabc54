package attachment

import (
	"net/http"
	"sync"
	"time"

	"github.com/minio/minio-go/v7/pkg/credentials"
)

const (
	metadataTimeout = 2 * time.Second // of a cloud's metadata service, which may not be there
	anonymousFor    = time.Minute     // how long a chain without keys is believed
)

// provider gives the configured keys, read anew each time because their files
// may be rotated, or else what the usual chain finds.
type provider struct {
	access, secret func() string
	clock          func() time.Time

	mu        sync.Mutex
	chain     *credentials.Credentials
	anonymous time.Time // when the chain was found empty
}

func newProvider(cfg *S3Config) *provider {
	p := &provider{access: cfg.AccessKey, secret: cfg.SecretKey, clock: cfg.Clock}
	p.chain = credentials.NewChainCredentials([]credentials.Provider{
		&credentials.EnvAWS{}, &credentials.EnvMinio{}, &credentials.FileAWSCredentials{},
		&credentials.IAM{Client: &http.Client{Timeout: metadataTimeout}},
	})
	return p
}

// RetrieveWithCredContext implements [credentials.Provider].
func (p *provider) RetrieveWithCredContext(cc *credentials.CredContext) (credentials.Value, error) {
	if p.access != nil && p.secret != nil && p.access() != "" {
		return credentials.Value{AccessKeyID: p.access(), SecretAccessKey: p.secret(), SignerType: credentials.SignatureV4}, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.anonymous.IsZero() && p.clock().Sub(p.anonymous) < anonymousFor {
		return credentials.Value{SignerType: credentials.SignatureAnonymous}, nil
	}
	value, err := p.chain.GetWithContext(cc)
	p.anonymous = time.Time{}
	if err == nil && value.AccessKeyID == "" {
		p.anonymous = p.clock()
	}
	return value, err
}

// Retrieve implements [credentials.Provider].
func (p *provider) Retrieve() (credentials.Value, error) { return p.RetrieveWithCredContext(nil) }

// IsExpired implements [credentials.Provider]: the library asks each time.
func (p *provider) IsExpired() bool { return true }
