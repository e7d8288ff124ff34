# frozen_string_literal: true

require "support/fake_lease"
require "support/routes"

RSpec.describe "consumers of Karafka 1.x and 2016" do
  include OneTopic

  def run(klass, lease, &)
    @coordinator ||= Karafka::Coordinator.new(route(klass, &))
    @coordinator.fetch(lease).public_send(lease.kind, lease)
  end

  describe Karafka::Consumers::Callbacks do
    def consumer(&)
      Class.new(Karafka::BaseConsumer) do
        include Karafka::Consumers::Callbacks

        attr_reader :calls

        def consume = note(:consume)
        def shutdown = note(:shutdown)
        def note(what) = (@calls ||= []) << what
        class_eval(&)
      end
    end

    def calls(klass, *leases)
      leases.each { |lease| run(klass, lease) }
      @coordinator.fetch(leases.last).consumer.calls
    end

    it "go around consume and before the shutdown, as blocks or methods" do
      klass = consumer do
        after_poll { note(:after_poll) }
        after_fetch :fetched
        before_poll { note(:before_poll) }
        before_stop { note(:before_stop) }
        def fetched = note([:after_fetch, params_batch.size])
      end
      expect(calls(klass, FakeLease.new(%w[1 2]), FakeLease.new(kind: :shutdown)))
        .to eq([:after_poll, [:after_fetch, 2], :consume, :before_poll, :before_stop, :shutdown])
    end

    it "skip the batch when one throws :abort" do
      klass = consumer do
        after_fetch { throw(:abort) }
        after_fetch { note(:never) }
      end
      expect(calls(klass, FakeLease.new(%w[1]))).to be_nil
    end

    it "are inherited" do
      parent = consumer { after_fetch { note(:parent) } }
      klass = Class.new(parent) { after_fetch { note(:child) } }
      klass.class_eval { def consume = note(:consume) }
      expect(calls(klass, FakeLease.new(%w[1]))).to eq(%i[parent child consume])
      expect(parent.karafka_callbacks[:after_fetch].size).to eq(1)
    end

    it "refuse before_fetch_loop with what to do instead" do
      expect { consumer { before_fetch_loop { topic } } }.to raise_error(Karafka::Errors::UnsupportedFeatureError, /_fetch_loop.*Seek/)
    end

    it "change what params gives, with batch_consuming false" do
      klass = consumer do
        after_fetch { params_batch.each { |params| params["more"] = 1 } }
        define_method(:consume) { note([params["id"], params["more"]]) }
      end
      run(klass, lease = FakeLease.new(['{"id":1}', '{"id":2}'])) { batch_consuming false }
      expect(@coordinator.fetch(lease).consumer.calls).to eq([[1, 1], [2, 1]])
    end

    it "need a method or a block" do
      expect { consumer { after_fetch } }.to raise_error(ArgumentError, /name of a method or a block/)
    end
  end

  describe Karafka::Consumers::Controller do
    let(:seen) { [] }

    it "performs once for each message, unless before_enqueue aborts" do
      seen = self.seen
      klass = Class.new(described_class) do
        before_enqueue { throw(:abort) if params[:id] == 2 }
        define_method(:perform) { seen << params["id"] }
      end
      run(klass, lease = FakeLease.new(['{"id":1}', '{"id":2}', '{"id":3}']))
      expect([seen, lease.marked]).to eq([[1, 3], [0, 1, 2]])
    end

    it "does not repeat what was done when a later message fails" do
      klass = Class.new(described_class) { def perform = params.payload == 2 ? raise("two") : nil }
      lease = FakeLease.new(%w[1 2])
      expect { run(klass, lease) }.to raise_error("two")
      expect(lease.marked).to eq([0])
    end

    it "works with batch_consuming false, too" do
      seen = self.seen
      klass = Class.new(described_class) { define_method(:perform) { seen << params.payload } }
      run(klass, FakeLease.new(%w[1 2])) { batch_consuming false }
      expect(seen).to eq([1, 2])
    end

    {
      "where its topic says nothing" => proc {}, "with batch_processing true" => proc { batch_processing true },
      "with batch_mode true" => proc { batch_mode true }, "with batch_consuming true" => proc { batch_consuming true }
    }.each do |setting, block|
      it "performs once a batch when it reads params_batch, #{setting}" do
        seen = self.seen
        klass = Class.new(described_class) do
          before_enqueue { throw(:abort) if params_batch.size == 1 }
          define_method(:perform) { seen << params_batch.map(&:payload) }
        end
        run(klass, lease = FakeLease.new(%w[1 2 3]), &block)
        run(klass, FakeLease.new(%w[4]), &block)
        expect([seen, lease.marked]).to eq([[[1, 2, 3]], []])
      end
    end

    it "has the one message in params_batch with batch_consuming false" do
      seen = self.seen
      klass = Class.new(described_class) { define_method(:perform) { seen << params_batch.map(&:payload) } }
      run(klass, FakeLease.new(%w[1 2])) { batch_consuming false }
      expect(seen).to eq([[1], [2]])
    end

    it "performs for each message when it reads both, so that none is left out" do
      seen = self.seen
      klass = Class.new(described_class) { define_method(:perform) { seen << [params_batch.size, params.payload] } }
      run(klass, FakeLease.new(%w[1 2]))
      expect(seen).to eq([[2, 1], [2, 2]])
    end

    it "refuses params where the topic says that it performs once a batch" do
      klass = Class.new(described_class) { def perform = params }
      expect { run(klass, FakeLease.new(%w[1 2])) { batch_consuming true } }
        .to raise_error(Karafka::Errors::InvalidConfigurationError, /reads `params`/)
    end

    it "calls after_failure with what failed still in params, then fails" do
      seen = self.seen
      klass = Class.new(described_class) do
        define_method(:perform) { params.payload == 2 ? raise("two") : nil }
        define_method(:after_failure) { seen << params.payload }
        private :after_failure
      end
      expect { run(klass, FakeLease.new(%w[1 2 3])) }.to raise_error("two")
      expect(seen).to eq([2])
    end

    it "reports what after_failure raises, and fails for the first reason" do
      errors = []
      Karafka.monitor.subscribe("error.occurred") { |event| errors << [event[:type], event[:error].message] }
      klass = Class.new(described_class) do
        def perform = raise("first")
        def after_failure = raise("second")
      end
      expect { run(klass, FakeLease.new(%w[1])) }.to raise_error("first")
      expect(errors).to eq([["consumer.after_failure.error", "second"]])
    end
  end

  it "keep what a callback changes in a message of params_batch" do
    klass = Class.new(Karafka::BaseConsumer) do
      include Karafka::Consumers::Callbacks

      attr_reader :seen

      after_fetch { params_batch.each { |params| params["wednesday"] = true } }
      define_method(:consume) { @seen = params_batch.map { |params| [params[:wednesday], params["id"]] } }
    end
    run(klass, lease = FakeLease.new(['{"id":1}', '{"id":2}']))
    expect(@coordinator.fetch(lease).consumer.seen).to eq([[true, 1], [true, 2]])
  end

  it "have fields of the message itself in params, those of the payload before them" do
    klass = Class.new(Karafka::BaseConsumer) do
      attr_reader :seen

      define_method(:consume) do
        params.merge!(received_time: "now", id: 2)
        @seen = [params["topic"], params[:partition], params["offset"], params["key"], params["headers"], params["received_time"],
                 params.slice("id", "nothing"), params.values_at("id", :id), params.key?(:id), params.key?("topic"), params.to_h,
                 params["receive_time"] == params.receive_time]
      end
    end
    lease = FakeLease.new(['{"id":1,"topic":"mine"}'], keys: ["k"])
    run(klass, lease) { batch_consuming false }
    expect(@coordinator.fetch(lease).consumer.seen).to eq(
      ["mine", 0, 0, "k", {}, "now", { "id" => 2 }, [2, 2], true, true, { "id" => 2, "topic" => "mine", received_time: "now" }, true]
    )
  end

  it "ask for the metadata of the batch by the names of 1.3 and 1.4" do
    klass = Class.new(Karafka::BaseConsumer) do
      attr_reader :seen

      define_method(:consume) do
        trigger_heartbeat
        @seen = [metadata["batch_size"], metadata["first_offset"], batch_metadata.highwater_mark_offset, batch_metadata.offset_lag,
                 batch_metadata.unknown_last_offset?, params_batch.first.metadata.receive_time]
      end
    end
    run(klass, lease = FakeLease.new(%w[1 2]))
    expect(@coordinator.fetch(lease).consumer.seen).to eq([2, 0, 2, 0, false, Time.at(0, lease.received_at_ms, :millisecond)])
  end

  it "answer params_batch in a batch" do
    seen = nil
    klass = Class.new(Karafka::BaseConsumer) do
      define_method(:consume) do
        seen = [params_batch.size, params_batch.first["id"], params_batch.parsed.size]
      end
    end
    run(klass, FakeLease.new(['{"id":1}', '{"id":2}']))
    expect(seen).to eq([2, 1, 2])
  end

  it "say what is not supported yet" do
    klass = Class.new(Karafka::BaseConsumer)
    expect { klass.new.collapse_until!(1) }.to raise_error(Karafka::Errors::UnsupportedFeatureError)
  end

  it "refuses `params` of a topic that gives batches, where it would lose all messages but one" do
    expect { Class.new(Karafka::BaseConsumer).new.params }
      .to raise_error(Karafka::Errors::InvalidConfigurationError, /batch_consuming false.*params_batch/)
  end

  it "has the controllers of 2016 under their name" do
    expect(Karafka::BaseController).to be(Karafka::Consumers::Controller)
  end
end
