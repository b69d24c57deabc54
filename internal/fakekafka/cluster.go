// Package fakekafka is an embedded Kafka (kfake) for tests, the demo and
// measurements: one broker on loopback that speaks the real protocol.
package fakekafka

import (
	"crypto/tls"
	"fmt"
	"net"
	"strconv"

	"github.com/twmb/franz-go/pkg/kfake"
)

// Config is what the cluster is to be like.
type Config struct {
	Topics     map[string]int32  // topic → partitions
	Port       int               // 0: any
	DataDir    string            // "": in memory; else a restart finds its records
	SASL       map[string]string // "MECHANISM:user" → password
	TLS        *tls.Config
	MaxMessage int // max.message.bytes, 0: kfake's default
}

// Cluster is a running broker.
type Cluster struct {
	*kfake.Cluster
	Addr string
}

// Start runs a broker.
func Start(cfg Config) (*Cluster, error) {
	port := cfg.Port
	if port == 0 {
		var err error
		if port, err = freePort(); err != nil {
			return nil, err
		}
	}
	options := []kfake.Opt{kfake.NumBrokers(1), kfake.Ports(port)}
	for topic, partitions := range cfg.Topics {
		options = append(options, kfake.SeedTopics(partitions, topic))
	}
	if cfg.DataDir != "" {
		options = append(options, kfake.DataDir(cfg.DataDir))
	}
	if cfg.TLS != nil {
		options = append(options, kfake.TLS(cfg.TLS))
	}
	if len(cfg.SASL) > 0 {
		options = append(options, kfake.EnableSASL())
		for who, password := range cfg.SASL {
			mechanism, user := split(who)
			options = append(options, kfake.Superuser(mechanism, user, password))
		}
	}
	if cfg.MaxMessage > 0 {
		options = append(options, kfake.BrokerConfigs(map[string]string{"message.max.bytes": strconv.Itoa(cfg.MaxMessage)}))
	}
	cluster, err := kfake.NewCluster(options...)
	if err != nil {
		return nil, fmt.Errorf("start embedded kafka: %w", err)
	}
	return &Cluster{Cluster: cluster, Addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port))}, nil
}

func split(who string) (mechanism, user string) {
	for i := range who {
		if who[i] == ':' {
			return who[:i], who[i+1:]
		}
	}
	return "PLAIN", who
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
