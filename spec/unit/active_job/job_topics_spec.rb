# frozen_string_literal: true

require "karafka/active_job"
require "support/application"

RSpec.describe Karafka::Routing::JobTopics do
  include ApplicationHelpers

  before { setup }

  def draw(&)
    app.routes.clear
    app.routes.draw(&)
    app.routes.topics
  end

  it "draws a topic of jobs wherever topics can be drawn" do
    topics = draw do
      active_job_topic :default
      consumer_group(:mails) do
        active_job_topic(:mails) { max_messages 20 }
        subscription_group(:slow) { active_job_topic(:reports) { parallel by: :key, limit: 3 } }
      end
    end
    expect(topics.map { |topic| [topic.name, topic.consumer_group.name, topic.consumer, topic.max_messages] }).to eq(
      [["default", "app", Karafka::ActiveJob::Consumer, 1], ["mails", "mails", Karafka::ActiveJob::Consumer, 20],
       ["reports", "mails", Karafka::ActiveJob::Consumer, 1]]
    )
    expect(topics.map(&:active_job?)).to eq([true, true, true])
  end

  it "refuses a topic of jobs in two groups, which would both perform or send on each job" do
    twice = lambda do |&route|
      draw { %i[first second].each { |name| consumer_group(name) { instance_eval(&route) } } }
    end
    expect { twice.call { active_job_topic :default } }
      .to be_refused(/topic default is consumed by the groups first and second: each of them would get every job/)
    expect { twice.call { active_job_delays } }.to be_refused(/active_job_delays_1s is consumed by the groups first and second/)
    names = draw do
      consumer_group(:first) { active_job_topic :default }
      consumer_group(:second) { active_job_topic(:default) { active false } }
    end
    expect(names.map(&:name)).to eq(%w[default default])
  end

  it "draws a pattern of them" do
    topic, = draw { active_job_pattern(:shops, /\Ashop_\d+\z/) }
    expect([topic.pattern?, topic.active_job?, topic.pattern_name]).to eq([true, true, "shops"])
  end

  it "takes a consumer of the application's own" do
    own = consumer_class("OwnConsumer", base: Karafka::ActiveJob::Consumer)
    topic, = draw { active_job_topic(:default) { consumer own } }
    expect(topic.consumer).to eq(own)
  end

  it "is as jobs need it, whatever the application has for its other topics" do
    setup { |config| config.batch_consuming = false }
    topics = draw do
      defaults { deserializers payload: ->(message) { message.raw_payload.reverse } }
      active_job_topic(:default) { max_messages 10 }
      active_job_delays
    end
    expect(topics.map { |topic| [topic.batch_consuming, topic.deserializers.payload.class] }.uniq)
      .to eq([[true, Karafka::Deserializers::Payload]])
    expect { draw { active_job_topic(:default) { batch_consuming false } } }.to be_refused(/topic default batch_consuming.* left out/)
    own = ->(message) { message.raw_payload }
    expect(draw { active_job_topic(:default) { deserializers payload: own } }.first.deserializers.payload).to eq(own)
  end

  it "knows that their retry topics have jobs too" do
    topics = draw do
      active_job_topic :default do
        dead_letter_queue topic: "dead"
        retry_topics delays: [1_000]
      end
    end
    expect(topics.map { |topic| [topic.name, topic.active_job?, topic.max_messages] })
      .to eq([["default", true, 1], ["default.retry.1", true, 1]])
  end

  it "draws the topics in which jobs wait" do
    topics = draw { active_job_delays { config(partitions: 3) } }
    expect(topics.map { |topic| [topic.name, topic.delay_by, topic.config.partitions, topic.active_job?, topic.job_delay?] }).to eq(
      [["active_job_delays_1s", 1_000, 3, false, true], ["active_job_delays_10s", 10_000, 3, false, true],
       ["active_job_delays_1m", 60_000, 3, false, true], ["active_job_delays_10m", 600_000, 3, false, true],
       ["active_job_delays_1h", 3_600_000, 3, false, true]]
    )
    expect(draw { active_job_delays "shop.waits" }.map(&:name)).to include("shop.waits.1h")
  end

  it "refuses a retention below the time that jobs wait there" do
    expect { draw { active_job_delays { config("retention.ms": 3_600_000) } } }
      .to be_refused(/topic active_job_delays_1h config retention.ms .*more than the 3600000 ms/)
    expect { draw { active_job_delays { config("retention.ms": "1800000") } } }.to be_refused(/active_job_delays_1h/)
    expect(draw { active_job_delays { config("retention.ms": 86_400_000) } }.size).to eq(5)
    expect(draw { active_job_delays { config("retention.ms": -1) } }.size).to eq(5)
  end
end
