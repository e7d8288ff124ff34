# frozen_string_literal: true

require_relative "../spec_helper"
require_relative "../support/command_line"
require_relative "../support/secured_cluster"

RSpec.describe "karafka doctor", deadline: 300 do
  include CommandLine

  let(:topic) { cluster.create_topic(partitions: 2) }
  let(:group) { unused_name("group") }

  def produce(count)
    karafka("produce", topic, "--brokers", cluster.bootstrap_servers, "--partition", "0",
            input: (1..count).to_a.join("\n"))
  end

  # @return [Array(Integer, Array<Hash>)] exit status, and what was found that somebody has to do something about
  def doctor(*argv)
    result = karafka("doctor", "--json", *argv)
    report = JSON.parse(result.out)
    @checks = report.fetch("checks")
    @notes, found = report.fetch("findings").partition { |finding| finding["severity"] == "note" }
    [result.status, found.map { |finding| finding.transform_keys(&:to_sym) }]
  rescue JSON::ParserError
    raise "#{result.status}: #{result.out}#{result.err}"
  end

  def settings(kafka, routes)
    application(<<~RUBY)
      Karafka::App.config.kafka.merge!(#{kafka.inspect})
      Karafka::App.routes.draw { #{routes} }
    RUBY
  end

  def routes(more = "", name = topic) = "consumer_group('#{group}') { topic('#{name}') { consumer CommandConsumer; #{more} } }"

  it "finds nothing where all is well, and says what runs" do
    settings({}, routes)
    status, found = doctor
    expect([status, found, @checks.filter_map { |check| check["failure"] }]).to eq([0, [], []])
    expect(@notes.map do |note|
             note["cause"]
           end).to include(/\ARuby .* librdkafka /, /Kafka 4.1 or later/, /nobody has joined it yet|empty, 0 members/)
    text = karafka("doctor")
    expect([text.status, text.out]).to match([0, /^note +versions: this process.*^0 errors, 0 warnings$/m])
  end

  it "works without an application" do
    status, found = doctor("--brokers", cluster.bootstrap_servers, "--group", group)
    expect([status, found]).to eq([0, []])
  end

  it "finds topics that do not exist, also those for failed messages" do
    settings({}, routes("retry_topics(delays: [1_000]); dead_letter_queue topic: '#{topic}.dead'", "#{topic}.x"))
    status, found = doctor
    expect(status).to eq(2)
    expect(found).to contain_exactly(
      include(severity: "error", check: "topics", subject: "topic #{topic}.x", cause: /does not exist: no message of it is consumed/),
      include(subject: "topic #{topic}.x.retry.1", cause: /no message of it is consumed/),
      include(subject: "topic #{topic}.dead", cause: /messages that fail stay/, next_step: /karafka topics plan/)
    )
  end

  it "finds committed offsets that the log does not have any more, and groups that nobody serves" do
    settings({}, routes)
    produce(10)
    karafka("groups", "seek", group, "--to", "2", "--topic", topic, "--partition", "0")
    Karafka::Admin::Topics.new(connection).delete_records(topic => { 0 => 5 })
    status, found = doctor
    expect(status).to eq(2)
    expect(found).to include(include(severity: "error", check: "offsets", subject: "group #{group}, #{topic}/0",
                                     cause: /has committed 2, and the log begins at 5: 3 offsets were deleted/))
    commit(12)
    _, found = doctor
    expect(found).to contain_exactly(include(check: "offsets", cause: /has committed 12, and the log ends at 10/))
    commit(7)
    _, found = doctor
    expect(found).to contain_exactly(include(severity: "warning", cause: "it has no members, and is 3 messages behind"))
  end

  # Where the group is, whatever the log has.
  def commit(offset)
    row = { topic: topic, partition: 0, offset: offset, metadata: nil, leader_epoch: nil }
    connection.ask(:alter_offsets, group: group, offsets: [row])
  end

  def connection
    Karafka::Admin.new(kafka: { "bootstrap.servers": cluster.bootstrap_servers }).instance_variable_get(:@connection)
  end

  it "finds messages that will soon be deleted unprocessed" do
    name = cluster.create_topic(config: { "retention.ms" => "1000", "segment.ms" => "600000000" })
    settings({}, routes("", name))
    karafka("produce", name, "--brokers", cluster.bootstrap_servers, input: "1\n2\n")
    karafka("groups", "seek", group, "--to", "earliest", "--topic", name)
    found = nil
    cluster.wait_until("age") { (found = doctor.last).any? { |finding| finding[:cause].include?("retention.ms is 1000") } }
    expect(found.first).to include(severity: "warning", check: "offsets")
  end

  it "finds times that contradict each other, or the brokers" do
    settings({ "session.timeout.ms": 6_000, "heartbeat.interval.ms": 3_000 }, routes)
    _, found = doctor
    expect(found).to contain_exactly(include(severity: "warning", check: "timeouts", subject: "group #{group}",
                                             cause: /"heartbeat.interval.ms" is 3000, and "session.timeout.ms" 6000/))
    settings({ "transaction.timeout.ms": 1_000_000 }, routes)
    expect(doctor.last).to contain_exactly(include(severity: "error", cause: /transaction.max.timeout.ms of the brokers 900000/))
    settings({ "session.timeout.ms": 500, "heartbeat.interval.ms": 100 }, routes)
    expect(doctor.last).to contain_exactly(include(severity: "error", cause: /group.min.session.timeout.ms of the brokers \d+/))
  end

  it "finds messages that are too large for a place on their way" do
    large = cluster.create_topic(config: { "max.message.bytes" => "5000000" })
    settings({ "message.max.bytes": 3_000_000 }, routes("dead_letter_queue topic: '#{topic}'", large))
    _, found = doctor
    expect(found).to contain_exactly(
      include(check: "sizes", severity: "warning", subject: "topic #{topic}",
              cause: /takes messages of 3000000 bytes .* the topic of 1048588/),
      include(check: "sizes", severity: "warning", subject: "topic #{large}", cause: /may have 5000000 bytes.* of #{topic} is 1048588/)
    )
    settings({ "receive.message.max.bytes": 2_000_000, "fetch.max.bytes": 1_000_000, "message.max.bytes": 1_000_000 }, routes("", large))
    expect(doctor.last).to contain_exactly(include(severity: "error", cause: /"receive.message.max.bytes" is 2000000/))
  end

  it "finds topics that delete messages before they have waited, and those that keep them for little longer" do
    { 1 => { "retention.ms" => "10000" }, 2 => { "retention.ms" => "1000000" }, 3 => { "retention.bytes" => "1000000" } }
      .each { |stage, config| cluster.create_topic("#{topic}.retry.#{stage}", config: config) }
    settings({}, routes("retry_topics(delays: [10_000, 60_000, 600_000]); dead_letter_queue topic: false"))
    _, found = doctor
    expect(found).to contain_exactly(
      include(check: "delays", severity: "error", subject: "topic #{topic}.retry.1",
              cause: /waits there for 10000 ms, and retention.ms is 10000: it may be deleted/,
              next_step: /set retention.ms to 3610000 at least/),
      include(check: "delays", severity: "warning", subject: "topic #{topic}.retry.2", cause: /it is lost where nobody consumes for 940 s/),
      include(check: "delays", severity: "warning", subject: "topic #{topic}.retry.3", cause: /retention.bytes is 1000000: above that/)
    )
  end

  it "finds members of another application in the group" do
    other = cluster.create_topic
    application("Karafka::App.config.client_id = 'other'\nKarafka::App.routes.draw { #{routes("", other)} }")
    server = Process.spawn({ "BUNDLE_GEMFILE" => nil }, *CommandLine::COMMAND, "server", chdir: directory, out: File::NULL)
    cluster.wait_until("a member") do
      connection.ask(:describe_groups, groups: [group]).first[:members].any? do |one|
        one[:assignment].any?
      end
    end
    settings({ "partition.assignment.strategy": "cooperative-sticky" }, routes)
    _, found = doctor
    expect(found).to contain_exactly(
      include(severity: "warning", check: "groups", cause: /topics that this application does not route in it: #{other} \(other at/),
      include(severity: "error", check: "groups", cause: /share partitions by "range".*"cooperative-sticky" here/)
    )
    expect(@notes.map { |note| note["cause"] }).to include("it has members with other client ids than karafka: other")
  ensure
    Process.kill(:TERM, server)
    Process.wait(server)
  end

  it "says so in one line where it is used in a wrong way" do
    fail_in_one_line("doctor", with: /where is Kafka\?/)
    fail_in_one_line("doctor", "--brokers", cluster.bootstrap_servers, "--timeout", "0", with: /--timeout is 0/)
  end

  it "says what keeps it away where no broker can be reached, and ends in time" do
    begun = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    status, found = doctor("--brokers", "127.0.0.1:#{FreePorts.take.first}", "--timeout", "2")
    expect(Process.clock_gettime(Process::CLOCK_MONOTONIC) - begun).to be < 60
    expect(status).to eq(2)
    expect(found).to contain_exactly(include(check: "connection", cause: /nothing listens there/))
    failed = @checks.select { |check| check["failure"].to_s.include?("cannot be asked") }
    expect(failed.map { |check| check["check"] }).to include("topics", "groups", "offsets")
  end

  describe "with encryption and rights" do
    before(:context) do
      skip(KafkaCluster.unavailable) if KafkaCluster.unavailable
      @secured = SecuredCluster.new("spec-doctor").up
      %w[open closed].each { |name| @secured.create_topic(name) }
    end

    after(:context) { @secured&.down }

    def cluster = @secured
    def at(listener) = cluster.address(listener)

    login = { "security.protocol": "sasl_plaintext", "sasl.mechanism": "PLAIN", "sasl.username": SecuredCluster::USER,
              "sasl.password": SecuredCluster::PASSWORD }

    it "finds an advertised address that cannot be reached from here" do
      status, found = doctor("--brokers", at(:lost))
      expect(status).to eq(2)
      expect(found).to include(include(severity: "error", check: "connection", subject: /\Alocalhost:\d+ \(advertised by broker 1\)/,
                                       cause: /nothing listens there/, next_step: /advertised.listeners of that broker/))
    end

    it "finds a login that is missing, and one that is wrong" do
      expect(doctor("--brokers", at(:sasl_plaintext)).last).to contain_exactly(include(cause: /wants a login \(SASL\)/))
      expect(secured(:sasl_plaintext, **login, "sasl.mechanism": "SCRAM-SHA-256")).to contain_exactly(include(cause: /offers PLAIN/))
      expect(secured(:sasl_plaintext, **login, "sasl.password": "no")).to include(include(cause: /refuses the login/))
      expect(secured(:plaintext, **login)).to contain_exactly(include(cause: /takes no login/, next_step: /set "plaintext"/))
    end

    it "finds a port that speaks TLS and should not, and the other way round" do
      expect(doctor("--brokers", at(:ssl)).last).to contain_exactly(include(cause: /that is a TLS port, and .* "plaintext"/))
      expect(secured(:plaintext,
                     "security.protocol": "ssl")).to contain_exactly(include(cause: /not speak TLS/, next_step: /set "plaintext"/))
      expect(secured(:ssl, "security.protocol": "ssl")).to include(include(cause: /unknown authority/))
    end

    # What is found at that listener with these settings.
    def secured(listener, **kafka)
      settings({ "bootstrap.servers": at(listener), **kafka }, "topic(:open) { consumer CommandConsumer }")
      doctor.last
    end

    it "finds rights that are missing" do
      settings({ **login, "bootstrap.servers": at(:sasl_plaintext) }, <<~RUBY)
        consumer_group('readers') { topic(:open) { consumer CommandConsumer; dead_letter_queue topic: 'closed' } }
        consumer_group('strangers') { topic(:open) { consumer CommandConsumer } }
      RUBY
      status, found = doctor
      expect(status).to eq(2)
      expect(found.select { |finding| finding[:check] == "rights" }).to contain_exactly(
        include(subject: "topic closed", cause: /alice, may not WRITE it nor see it/,
                next_step: /kafka-acls --add .*User:alice --operation Write/),
        include(subject: "group strangers", cause: /may not READ it/)
      )
      expect(found - found.select { |finding| finding[:check] == "rights" }).to eq([])
      # The right to read settings is another one.
      expect(@checks).to include(include("check" => "timeouts", "failure" => /authorization/i))
    end
  end

  it "finds a dead broker among others" do
    skip(KafkaCluster.unavailable) if KafkaCluster.unavailable
    three = KafkaCluster.new("spec-doctor-three")
    three.up(nodes: 3, heap: "256m")
    name = three.create_topic(replication: 3)
    servers = three.bootstrap_servers
    three.kill_node(3)
    found = nil
    three.wait_until("the others know") { (found = doctor("--brokers", servers).last).any? { |one| one[:subject] == "broker 3" } }
    expect(found).to include(
      include(severity: "error", subject: /\(.bootstrap.servers.\)/, cause: /nothing listens there/),
      include(severity: "error", subject: "broker 3", cause: /not part of the cluster now, and \d+ partitions? ha(s|ve) a replica on it/)
    )
    expect(name).not_to be_nil
  ensure
    three&.down
  end
end
