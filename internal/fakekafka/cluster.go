// Package fakekafka is an embedded Kafka (kfake) for tests, the demo and
// measurements: one broker on loopback that speaks the real protocol.
package fakekafka

import (
	"crypto/tls"
	"fmt"
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
	AutoCreate bool // topics that clients ask for, as brokers do by default
	MaxMessage int  // max.message.bytes, 0: kfake's default
}

// Cluster is a running broker.
type Cluster struct {
	*kfake.Cluster
	Addr string
}

// Start runs a broker.
func Start(cfg Config) (*Cluster, error) {
	options := []kfake.Opt{kfake.NumBrokers(1)}
	if cfg.Port != 0 {
		options = append(options, kfake.Ports(cfg.Port))
	}
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
	if cfg.AutoCreate {
		options = append(options, kfake.AllowAutoTopicCreation())
	}
	if cfg.MaxMessage > 0 {
		options = append(options, kfake.BrokerConfigs(map[string]string{"message.max.bytes": strconv.Itoa(cfg.MaxMessage)}))
	}
	cluster, err := kfake.NewCluster(options...)
	if err != nil {
		return nil, fmt.Errorf("start embedded kafka: %w", err)
	}
	return &Cluster{Cluster: cluster, Addr: cluster.ListenAddrs()[0]}, nil
}

func split(who string) (mechanism, user string) {
	for i := range who {
		if who[i] == ':' {
			return who[:i], who[i+1:]
		}
	}
	return "PLAIN", who
}
