//go:build real

package realparts

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Users of the secure listeners.
const (
	User     = "alice"
	Password = "alice-s3cret"
)

// Kafka is a real broker of one node.
type Kafka struct {
	Dir   string            // data, certificates (ca.pem, client-cert.pem, client-key.pem), log
	Addrs map[string]string // by listener: PLAINTEXT, SASL_PLAINTEXT, SASL_SSL, SSL

	t    Host
	lib  string
	cmd  *exec.Cmd
	done chan struct{}
}

// StartKafka formats and starts a broker with all listeners.
func StartKafka(t Host) *Kafka {
	t.Helper()
	k := &Kafka{t: t, Dir: t.TempDir(), lib: filepath.Join(Need(t), "kafka-4.4.0", "*"), Addrs: make(map[string]string)}
	certificates(t, k.Dir)
	k.configure()
	format := k.java("kafka.tools.StorageTool", "format", "--standalone", "-t", "MkU3OEVBNTcwNTJENDM2Qg", "-c", k.path("server.properties"),
		"--add-scram", fmt.Sprintf("SCRAM-SHA-256=[name=%s,password=%s]", User, Password),
		"--add-scram", fmt.Sprintf("SCRAM-SHA-512=[name=%s,password=%s]", User, Password))
	if out, err := format.CombinedOutput(); err != nil {
		t.Fatalf("format kafka: %v\n%s", err, out)
	}
	k.Start()
	t.Cleanup(k.Kill)
	return k
}

func (k *Kafka) path(name string) string { return filepath.Join(k.Dir, name) }

func (k *Kafka) java(args ...string) *exec.Cmd {
	cmd := exec.Command("java", append([]string{"-Dlog4j2.level=INFO", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xms128m", "-Xmx512m", "-cp", k.lib}, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

func (k *Kafka) configure() {
	controller := free(k.t)
	var listeners, advertised []string
	for _, name := range []string{"PLAINTEXT", "SASL_PLAINTEXT", "SASL_SSL", "SSL"} {
		k.Addrs[name] = free(k.t)
		listeners = append(listeners, name+"://"+k.Addrs[name])
		advertised = append(advertised, name+"://"+k.Addrs[name])
	}
	jaas := func(listener string) string {
		return fmt.Sprintf("listener.name.%s.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_%s=\"%s\";\n"+
			"listener.name.%s.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;\n"+
			"listener.name.%s.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;\n",
			listener, User, Password, listener, listener)
	}
	content := strings.Join([]string{
		"process.roles=broker,controller", "node.id=1", "controller.quorum.bootstrap.servers=" + controller,
		"controller.listener.names=CONTROLLER", "inter.broker.listener.name=PLAINTEXT",
		"listeners=" + strings.Join(append(listeners, "CONTROLLER://"+controller), ","),
		"advertised.listeners=" + strings.Join(advertised, ","),
		"listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL,SSL:SSL",
		"sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
		"ssl.keystore.type=PEM", "ssl.keystore.location=" + k.path("server.pem"),
		"ssl.truststore.type=PEM", "ssl.truststore.location=" + k.path("ca.pem"), "listener.name.ssl.ssl.client.auth=required",
		"log.dirs=" + k.path("data"), "offsets.topic.replication.factor=1", "offsets.topic.num.partitions=1",
		"transaction.state.log.replication.factor=1", "transaction.state.log.min.isr=1", "transaction.state.log.num.partitions=1",
		"share.coordinator.state.topic.replication.factor=1", "share.coordinator.state.topic.min.isr=1", "share.coordinator.state.topic.num.partitions=1",
		"group.initial.rebalance.delay.ms=0", "broker.session.timeout.ms=6000", "broker.heartbeat.interval.ms=500", "controlled.shutdown.enable=true",
		"auto.create.topics.enable=true", "group.min.session.timeout.ms=1000",
	}, "\n") + "\n" + jaas("sasl_plaintext") + jaas("sasl_ssl")
	if err := os.WriteFile(k.path("server.properties"), []byte(content), 0o600); err != nil {
		k.t.Fatal(err)
	}
}

// Start runs the broker and waits until it serves.
func (k *Kafka) Start() {
	k.t.Helper()
	log, err := os.Create(k.path("kafka.log"))
	if err != nil {
		k.t.Fatal(err)
	}
	k.cmd = k.java("kafka.Kafka", k.path("server.properties"))
	k.cmd.Stdout, k.cmd.Stderr = log, log
	if err := k.cmd.Start(); err != nil {
		k.t.Fatal(err)
	}
	done := make(chan struct{})
	k.done = done
	cmd := k.cmd
	go func() {
		_ = cmd.Wait()
		_ = log.Close()
		close(done)
	}()
	for deadline := time.Now().Add(60 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		content, _ := os.ReadFile(k.path("kafka.log"))
		if bytes.Contains(content, []byte("Kafka Server started")) {
			return
		}
		select {
		case <-done:
			k.t.Fatalf("kafka ended:\n%s", content)
		default:
		}
		if time.Now().After(deadline) {
			k.t.Fatalf("kafka does not start:\n%s", content)
		}
	}
}

// Kill ends the broker as a crash does.
func (k *Kafka) Kill() {
	_ = k.cmd.Process.Kill()
	<-k.done
}

// Version returns what the broker says it is.
func (k *Kafka) Version() string {
	content, _ := os.ReadFile(k.path("kafka.log"))
	if _, after, ok := bytes.Cut(content, []byte("Kafka version: ")); ok {
		line, _, _ := bytes.Cut(after, []byte("\n"))
		return string(bytes.Fields(line)[0])
	}
	return "unknown"
}

func free(t Host) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
